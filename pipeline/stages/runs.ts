import { join } from 'node:path'
import * as z from 'zod'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import { ImageName, Instant, Sha256, TargetId } from '../model/ids.ts'
import type { World } from '../ports/world.ts'

/** `run.json`: one attempt to make a release. */
const Run = z.strictObject({
  schema: z.literal(1),
  image: ImageName,
  runId: z.string(),
  /** Left out for qemu, so that a mintmark of before there was a choice goes on with its runs. */
  target: TargetId.optional(),
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
export const resumeWithinMs = 12 * 3_600_000

/** Neither too old nor of a future, which only a clock that is wrong knows. */
function isRecent(run: Run, now: Date): boolean {
  const age = now.getTime() - Date.parse(run.created)
  return age >= 0 && age < resumeWithinMs
}

/** What a run is known by on this machine: jobs of one run id make one version, each for its own target. */
export type RunPlace = Pick<Run, 'image' | 'runId' | 'target'>

const firstTarget: TargetId = 'qemu'

/** The target of a run. */
export const targetIdOf = ({ target }: Pick<Run, 'target'>): TargetId => target ?? firstTarget

/**
 * A run's id, and its target where that is another one than qemu: `ci-7`, `ci-7@aws`. Stage files are named by their stage alone, so
 * that two targets in one folder would each drop the other's. "@" is in no id.
 */
const folderName = (run: Omit<RunPlace, 'image'>): string => {
  const target = targetIdOf(run)
  return target === firstTarget ? run.runId : `${run.runId}@${target}`
}

export const runFolder = (world: World, run: RunPlace): string =>
  join(world.places.runs, run.image, folderName(run))

export async function saveRun(world: World, run: Run): Promise<void> {
  await world.files.write(join(runFolder(world, run), 'run.json'), `${JSON.stringify(run, null, 2)}\n`, {
    mode: 0o600,
  })
}

/** A run folder whose `run.json` is none of this mintmark's. */
export interface StrangeRun {
  readonly runId: string
  /** As the folder's name says. */
  readonly target: string
  readonly folder: string
  /** `newer`: only the mintmark that made it knows what is in it. */
  readonly kind: 'newer' | 'unreadable'
  /** Why, to follow "run 20261122-030000": "was made by a newer mintmark (schema 2)". */
  readonly why: string
}

/**
 * `run.json` of this mintmark, or of one from before there was a `schema`, which differs in nothing else.
 * @returns the run, or why it is none
 */
function readRun(text: string, folder: string): Run | StrangeRun {
  const json = parsedJson(text)
  const name = folder.split('/').at(-1) ?? ''
  const [runId = '', target = firstTarget] = name.split('@')
  const place: Pick<StrangeRun, 'runId' | 'target' | 'folder'> = { runId, target, folder }
  const unreadable = (why: string): StrangeRun => ({ ...place, kind: 'unreadable', why })
  const newer = (why: string): StrangeRun => ({ ...place, kind: 'newer', why })
  if (typeof json !== 'object' || json === null) return unreadable('has a run.json that is no JSON')
  const schema: unknown = 'schema' in json ? json.schema : 0
  if (typeof schema === 'number' && schema > 1)
    return newer(`was made by a newer mintmark (schema ${schema})`)
  const parsed = Run.safeParse(schema === 0 ? { ...json, schema: 1 } : json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return unreadable(
      `has a run.json that can't be read${issue === undefined ? '' : ` (${issue.path.join('.') || 'run.json'}: ${issue.message})`}`,
    )
  }
  if (folderName(parsed.data) !== name) return unreadable(`says that it is run ${folderName(parsed.data)}`)
  return parsed.data
}

/** All run folders of the image: the runs, the newest first, and what is no run of this mintmark. */
async function readRuns(
  world: World,
  image: string,
): Promise<{ readonly runs: readonly Run[]; readonly strange: readonly StrangeRun[] }> {
  const runs: Run[] = []
  const strange: StrangeRun[] = []
  for (const name of await world.files.list(join(world.places.runs, image))) {
    const folder = join(world.places.runs, image, name)
    if ((await world.files.info(folder))?.kind !== 'folder') continue
    const path = join(folder, 'run.json')
    // Killed before its first word: nothing is in it.
    if ((await world.files.info(path)) === null) continue
    const read = readRun(await world.files.readText(path), folder)
    if ('kind' in read) strange.push(read)
    else if (read.image === image) runs.push(read)
  }
  return { runs: runs.sort((a, b) => (a.created < b.created ? 1 : -1)), strange }
}

/** The image's runs, the newest first; a folder whose run.json can't be read is left out. */
export const listRuns = async (world: World, image: string): Promise<readonly Run[]> =>
  (await readRuns(world, image)).runs

/** @throws MintmarkError CHAIN_BROKEN: what a newer mintmark left is neither gone on with nor judged by this one */
function refuseNewer(image: string, run: StrangeRun): MintmarkError {
  return new MintmarkError('CHAIN_BROKEN', `run ${run.runId} of ${image} ${run.why}`, {
    hint: `go on with that mintmark, or start over with this one: ./mintmark release ${image} --fresh`,
    where: { run: run.folder },
  })
}

/** Run ids begin with the time that they were made at, so the newest sorts last. */
const isNewest = ({ runId }: StrangeRun, runs: readonly Run[]): boolean =>
  runs.every((run) => run.runId < runId)

export interface RunWanted {
  readonly image: string
  readonly target: TargetId
  readonly definition: string
  readonly bundle: string
  readonly asked: string | null
  /** Start over even when a run could be gone on with. */
  readonly fresh: boolean
}

async function createRun(world: World, wanted: RunWanted, runId: string): Promise<Run> {
  const { image, target, definition, bundle, asked } = wanted
  const place: RunPlace = { image, runId, ...(target === firstTarget ? {} : { target }) }
  await world.files.makeFolder(runFolder(world, place), { mode: 0o700 })
  const created = world.clock.now().toISOString()
  const run: Run = {
    schema: 1,
    ...place,
    created,
    definition,
    bundle,
    asked,
    version: null,
    state: 'open',
  }
  await saveRun(world, run)
  return run
}

/**
 * The run of this name, gone on with where it is open and of the same inputs, or made.
 * @throws MintmarkError USAGE when it ended, is of more than 12 hours ago, or was of other inputs; CHAIN_BROKEN when it can't be read
 */
export async function openNamedRun(
  world: World,
  wanted: RunWanted,
  runId: string,
): Promise<{ readonly run: Run; readonly resumed: boolean }> {
  const { image, target } = wanted
  if ((await world.files.info(join(runFolder(world, { image, target, runId }), 'run.json'))) === null)
    return { run: await createRun(world, wanted, runId), resumed: false }
  const run = await findRun(world, image, runId, target)
  const same =
    run.definition === wanted.definition && run.bundle === wanted.bundle && run.asked === wanted.asked
  const now = world.clock.now()
  if (run.state === 'open' && same && !wanted.fresh && isRecent(run, now)) return { run, resumed: true }
  const ofOpen = (): string => {
    if (wanted.fresh) return 'has begun'
    if (!same) return 'was begun with other inputs'
    return `was begun at ${run.created}, and this machine's clock says ${now.toISOString()}`
  }
  const why = run.state === 'open' ? ofOpen() : `is ${run.state}`
  throw new MintmarkError('USAGE', `run ${runId} of ${wanted.image} ${why}, and can't be taken again`, {
    hint: 'give each run an id of its own: --run ID, or the variable MINTMARK_RUN',
  })
}

/**
 * The open run that this one goes on with, or a new one.
 * @throws MintmarkError CHAIN_BROKEN when the newest is of a newer mintmark
 */
export async function openRun(
  world: World,
  wanted: RunWanted,
): Promise<{ readonly run: Run; readonly resumed: boolean }> {
  const now = world.clock.now()
  const { image, target } = wanted
  const all = await readRuns(world, image)
  const runs = all.runs.filter((run) => targetIdOf(run) === target)
  const strange = all.strange.filter((run) => run.target === target)
  const newest = strange.filter((run) => isNewest(run, runs)).at(-1)
  if (newest !== undefined && !wanted.fresh) {
    if (newest.kind === 'newer') throw refuseNewer(image, newest)
    world.report.warn(`run ${newest.runId} ${newest.why}: it is left as it is, and a new run begins`)
  }
  const future = runs.find(({ created }) => Date.parse(created) > now.getTime())
  if (future !== undefined)
    world.report.warn(
      `run ${future.runId} is of ${future.created}, and this machine's clock says ${now.toISOString()}: it is not gone on with; is the clock right?`,
    )
  // The newest that this clock knows: an open one before a finished one is of the past.
  const latest = runs.find(({ created }) => Date.parse(created) <= now.getTime())
  const goesOn =
    !wanted.fresh &&
    latest?.state === 'open' &&
    latest.definition === wanted.definition &&
    latest.bundle === wanted.bundle &&
    latest.asked === wanted.asked &&
    isRecent(latest, now)
  if (goesOn) return { run: latest, resumed: true }
  const stamp = now
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, '')
    .replace('T', '-')
    .toLowerCase()
  const names = await world.files.list(join(world.places.runs, image))
  for (let attempt = 1; attempt < 100; attempt += 1) {
    const runId = attempt === 1 ? stamp : `${stamp}-${attempt}`
    // Of any target: two with one id would be taken for two jobs of one run.
    if (names.some((name) => name === runId || name.startsWith(`${runId}@`))) continue
    return { run: await createRun(world, wanted, runId), resumed: false }
  }
  throw new MintmarkError('BUSY', `too many runs of ${image} began in this second`)
}

/**
 * The run that a single stage is run in again.
 * @param target of which it is; null for any
 * @throws MintmarkError NOT_FOUND, CHAIN_BROKEN for one of a newer mintmark, USAGE when several targets have it
 */
export async function findRun(
  world: World,
  image: string,
  runId: string | null,
  target: TargetId | null = null,
): Promise<Run> {
  const all = await readRuns(world, image)
  const runs = all.runs.filter((run) => target === null || targetIdOf(run) === target)
  const strange = all.strange.filter((run) => target === null || run.target === target)
  const other = strange.find((run) => (runId === null ? isNewest(run, runs) : run.runId === runId))
  if (other?.kind === 'newer') throw refuseNewer(image, other)
  if (other !== undefined && runId !== null)
    throw new MintmarkError('CHAIN_BROKEN', `run ${runId} of ${image} ${other.why}`, {
      hint: `./mintmark release ${image} --fresh starts over`,
      where: { run: other.folder },
    })
  const same = runId === null ? runs.slice(0, 1) : runs.filter((run) => run.runId === runId)
  const [found] = same
  if (same.length > 1)
    throw new MintmarkError(
      'USAGE',
      `run ${runId} of ${image} has a part for each of ${same.map(targetIdOf).sort().join(', ')}`,
      { hint: 'name one of them with --target' },
    )
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
