import * as z from 'zod'
import { parsedJson } from '../core/parsed-json.ts'
import type { World } from '../ports/world.ts'

const Payload = z.object({ pull_request: z.object({ number: z.int().positive() }) })

/** Number of the pull request whose event started this job; null for another event, and outside a job. */
export async function pullRequestNumber({ job, env, files }: World): Promise<number | null> {
  const path = env['GITHUB_EVENT_PATH'] || ''
  if (job === undefined || path === '') return null
  const parsed = Payload.safeParse(parsedJson(await files.readText(path)))
  return parsed.success ? parsed.data.pull_request.number : null
}
