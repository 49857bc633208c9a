import { join } from 'node:path'
import * as z from 'zod'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import { ImageName, Instant, Sha256 } from '../model/ids.ts'
import type { World } from '../ports/world.ts'

/** `run.json`: one attempt to make a release. */
const Run = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  runId: z.string(),
  created: Instant,
  definition: Sha256,
  bundle: Sha256,
  /** The version that was asked for, or null. */
  asked: z.string().nullable(),
  /** Reserved in the catalog; null until then. */
  version: z.string().nullable(),
  state: z.enum(['open', 'done', 'rejected']),
})
export type Run = z.infer<typeof Run>

/** An open run older than this is not gone on with: its base and package lists are of yesterday. */
const resumeWithinMs = 12 * 3600_000

export const runFolder = (world: World, image: string, runId: string): string =>
  join(world.places.runs, image, runId)

export async function saveRun(world: World, run: Run): Promise<void> {
  await world.files.write(
    join(runFolder(world, run.image, run.runId), 'run.json'),
    `${JSON.stringify(run, null, 2)}\n`,
    { mode: 0o600 },
  )
}

/** The image's runs, the newest first; a folder whose run.json can't be read is left out. */
export async function listRuns(world: World, image: string): Promise<readonly Run[]> {
  const runs: Run[] = []
  for (const name of await world.files.list(join(world.places.runs, image))) {
    const path = join(runFolder(world, image, name), 'run.json')
    if ((await world.files.info(path)) === null) continue
    const parsed = Run.safeParse(parsedJson(await world.files.readText(path)))
    if (parsed.success) runs.push(parsed.data)
  }
  return runs.sort((a, b) => (a.created < b.created ? 1 : -1))
}

export interface RunWanted {
  readonly image: string
  readonly definition: string
  readonly bundle: string
  readonly asked: string | null
  /** Start over even when a run could be gone on with. */
  readonly fresh: boolean
}

/** The open run that this one goes on with, or a new one. */
export async function openRun(
  world: World,
  wanted: RunWanted,
): Promise<{ readonly run: Run; readonly resumed: boolean }> {
  const now = world.clock.now()
  const [latest] = await listRuns(world, wanted.image)
  const goesOn =
    !wanted.fresh &&
    latest?.state === 'open' &&
    latest.definition === wanted.definition &&
    latest.bundle === wanted.bundle &&
    latest.asked === wanted.asked &&
    now.getTime() - Date.parse(latest.created) < resumeWithinMs
  if (goesOn) return { run: latest, resumed: true }
  const stamp = now
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, '')
    .replace('T', '-')
    .toLowerCase()
  for (let attempt = 1; attempt < 100; attempt += 1) {
    const runId = attempt === 1 ? stamp : `${stamp}-${attempt}`
    const folder = runFolder(world, wanted.image, runId)
    if ((await world.files.info(folder)) !== null) continue
    await world.files.makeFolder(folder, { mode: 0o700 })
    const { image, definition, bundle, asked } = wanted
    const run: Run = {
      schema: 1,
      image,
      runId,
      created: now.toISOString(),
      definition,
      bundle,
      asked,
      version: null,
      state: 'open',
    }
    await saveRun(world, run)
    return { run, resumed: false }
  }
  throw new MintmarkError('BUSY', `too many runs of ${wanted.image} began in this second`)
}

/** The run that a single stage is run in again. @throws MintmarkError NOT_FOUND */
export async function findRun(world: World, image: string, runId: string | null): Promise<Run> {
  const runs = await listRuns(world, image)
  const found = runId === null ? runs[0] : runs.find((run) => run.runId === runId)
  if (found !== undefined) return found
  throw new MintmarkError(
    'NOT_FOUND',
    runId === null ? `${image} has no run yet` : `${image} has no run ${runId}`,
    {
      hint:
        runs.length === 0
          ? `./mintmark release ${image}`
          : `there are: ${runs
              .map((run) => run.runId)
              .slice(0, 5)
              .join(', ')}`,
    },
  )
}
