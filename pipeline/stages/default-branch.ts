import * as z from 'zod'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'

const Payload = z.object({ repository: z.object({ default_branch: z.string().min(1) }) })

/**
 * The default branch of the job's repository: by the event's payload; where that does not say, the branch that the job runs on, since
 * schedules run on no other.
 * @throws MintmarkError USAGE outside a job
 */
export async function defaultBranch({ env, files }: Pick<World, 'env' | 'files'>): Promise<string> {
  const path = env['GITHUB_EVENT_PATH'] || null
  if (path !== null && (await files.info(path)) !== null) {
    const payload = Payload.safeParse(parsedJson(await files.readText(path)))
    if (payload.success) return payload.data.repository.default_branch
  }
  const name = env['GITHUB_REF_NAME'] || null
  if (name !== null) return name
  throw new MintmarkError('USAGE', 'neither GITHUB_EVENT_PATH nor GITHUB_REF_NAME names the default branch', {
    hint: 'run it as a step of a job of GitHub Actions',
  })
}
