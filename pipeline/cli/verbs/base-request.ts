import { baseBranch, type RequestedMove } from '../../core/base-request.ts'
import { reviewedOf } from '../../core/pinned-lock.ts'
import { markdownText } from '../../core/report/render-markdown.ts'
import { visible } from '../../core/show-value.ts'
import { namedTargets } from '../../core/variants.ts'
import { errorTable, MintmarkError, partlyDone } from '../../errors.ts'
import type { TargetLock } from '../../model/base.ts'
import type { Definition } from '../../model/definition.ts'
import type { TargetId } from '../../model/ids.ts'
import { lockFile } from '../../stages/base-lock.ts'
import { type BaseRequest, keepBaseRequest } from '../../stages/base-request.ts'
import { chooseTarget } from '../../stages/choose-target.ts'
import { defaultBranch } from '../../stages/default-branch.ts'
import { imageNames, loadDefinition } from '../../stages/load-definition.ts'
import { type LockMove, moveLock, seenOf, type TrustedSources } from '../../stages/move-lock.ts'
import { markdownOf } from '../base-markdown.ts'
import { jobsGithub } from '../tell-github.ts'
import type { VerbInput } from '../verb.ts'

type World = VerbInput['world']

interface Input {
  readonly world: World
  /** Of images, several in one text among them; none means all. */
  readonly names: readonly string[]
  /** Only this target; null for all of each definition. */
  readonly asked: string | null
  readonly options: TrustedSources
}

interface Failed {
  readonly image: string
  readonly target: string | null
  readonly error: MintmarkError
}

type Looked = {
  readonly image: string
  readonly moves: readonly LockMove[]
  readonly failed: readonly Failed[]
}

/** What is wrong with one image or target keeps no other from its base. */
async function orFailed<T>(
  world: World,
  at: Omit<Failed, 'error'>,
  work: () => Promise<T>,
): Promise<T | Failed> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code === 'INTERNAL' || world.signal.aborted) throw cause
    return { ...at, error: cause }
  }
}

const isFailed = (item: object): item is Failed => 'error' in item

async function lookAt(input: Input, image: string): Promise<Looked> {
  const { world, asked, options } = input
  const definition: Definition | Failed = await orFailed(world, { image, target: null }, () =>
    loadDefinition(world, image),
  )
  if (isFailed(definition)) return { image, moves: [], failed: [definition] }
  const moves: LockMove[] = []
  const failed: Failed[] = []
  // Who stands on another image of ours follows its channel, and has no lock.
  const targets: readonly TargetId[] = 'image' in definition.base ? [] : namedTargets(definition)
  for (const id of targets) {
    if (asked !== null && asked !== id) continue
    const target = chooseTarget({ image, definition, asked: id })
    const move = await orFailed(world, { image, target: id }, () =>
      moveLock({ world, image, definition, target, options }),
    )
    if (isFailed(move)) failed.push(move)
    else moves.push(move)
  }
  return { image, moves, failed }
}

/** Only what there is anything new to review in. */
const toReview = ({ from, to }: LockMove): boolean => from === null || reviewedOf(from) !== reviewedOf(to)

const requested = (move: LockMove, now: Date): RequestedMove => ({
  image: move.image,
  target: move.target.id,
  from: move.from === null ? null : reviewedOf(move.from),
  to: reviewedOf(move.to),
  markdown: markdownOf({ ...move, suites: seenOf(move.sights), now }),
})

const requestLine = ({ state, pullRequest }: BaseRequest): string => {
  const where = pullRequest === null ? '' : ` ${pullRequest.url}`
  switch (state) {
    case 'none':
      return 'nothing moved, and no pull request is open'
    case 'opened':
    case 'updated':
    case 'unchanged':
      return `pull request${where}: ${state}`
    case 'closed':
      return `pull request${where}: closed, nothing is left to move`
    case 'declined':
      return `pull request${where} with the same moves was closed by somebody: it is not opened again`
    case 'foreign':
      return `the branch ${baseBranch} has work of somebody else and is left alone${where === '' ? '' : `; pull request${where}`}`
  }
}

const placeOf = ({ image, target }: Pick<Failed, 'image' | 'target'>): string =>
  target === null ? image : `${image} ${target}`

const lineOf = (move: LockMove): string => {
  const { image, target, to, moved } = move
  const name = to.from === 'archive' ? `${to.distribution} ${to.release} from the signed archive` : to.name
  const what = !moved
    ? 'is up to date'
    : toReview(move)
      ? 'moves'
      : 'has newer floors, which are put forward once a week'
  return `${moved ? '✓' : '·'} ${image} ${target.id}  ${name} ${what}`
}

function summaryOf(lines: readonly string[], failed: readonly Failed[]): string {
  return [
    '### Base locks',
    '',
    ...lines.map((line) => `- ${markdownText(line)}`),
    ...failed.map(
      (item) => `- ${markdownText(`${placeOf(item)}: ${item.error.message}`)} (${item.error.code})`,
    ),
    '',
  ].join('\n')
}

function exitOf(failed: readonly Failed[], moves: readonly LockMove[]): number {
  const [first] = failed
  if (first === undefined) return 0
  return moves.length > 0 ? partlyDone : errorTable[first.error.code].exit
}

/** The commit that this job checked out, whose locks are looked at. */
function commitOf({ env }: World): string {
  const commit = env['GITHUB_SHA'] || null
  if (commit !== null) return commit
  throw new MintmarkError('USAGE', 'GITHUB_SHA does not name the commit whose locks are looked at', {
    hint: 'run it as a step of a job of GitHub Actions',
  })
}

/** The files of the locks as the pull request has them. */
async function filesOf(
  world: World,
  moves: readonly LockMove[],
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const images = [...new Set(moves.map(({ image }) => image))]
  const files: { readonly path: string; readonly text: string }[] = []
  for (const image of images) {
    const locks = moves.filter((move) => move.image === image)
    const moved = new Map<TargetId, TargetLock>(locks.map(({ target, to }) => [target.id, to]))
    files.push(await lockFile(world, image, moved))
  }
  return files
}

/**
 * `base update [IMAGE...] --pull-request`: looks at every base, leaves the files of this checkout as they are, and keeps one pull
 * request with what moved. Exit 10 when some base could not be looked at; when none could, what the first of them exits with.
 */
export async function requestMoves(input: Input): Promise<number> {
  const { world, asked } = input
  const { report, job, clock } = world
  const github = jobsGithub(world, '--pull-request')
  const base = await defaultBranch(world)
  const commit = commitOf(world)
  // A workflow gives all names as one argument.
  const named = input.names.flatMap((text) => text.split(/[\s,]+/)).filter((name) => name !== '')
  const known = await imageNames(world)
  const unknown = named.find((image) => !known.includes(image))
  // By its own words for a name that there is not.
  if (unknown !== undefined) await loadDefinition(world, unknown)
  const looked: Looked[] = []
  for (const image of named.length === 0 ? known : [...new Set(named)])
    looked.push(await lookAt(input, image))
  const all = looked.flatMap(({ moves }) => moves)
  const failed = looked.flatMap((item) => item.failed)
  if (asked !== null && all.length === 0 && failed.length === 0)
    throw new MintmarkError('USAGE', `no definition names the target "${asked}"`, {
      hint: 'leave --target out',
    })
  const moves = all.filter(toReview)
  const request = await keepBaseRequest(github, {
    moves: moves.map((move) => requested(move, clock.now())),
    files: await filesOf(world, moves),
    incomplete: failed.length > 0,
    base,
    commit,
  })
  const lines = [...all.map(lineOf), requestLine(request)]
  for (const { error, ...at } of failed) {
    const words = [error.message, ...error.lines, `→ ${error.hint}`]
    report.note(visible(`! ${placeOf(at)}  ${words.join(' · ')}`))
    job?.error(`base ${placeOf(at)}`, words.join('\n'))
  }
  const exit = exitOf(failed, all)
  const url = request.pullRequest?.url ?? null
  await job?.summary(summaryOf(lines, failed))
  await job?.output({ moved: String(moves.length), state: request.state, 'pull-request': url ?? '' })
  report.result(lines.map(visible).join('\n'), {
    exit,
    state: request.state,
    pullRequest: url,
    moved: moves.map(({ image, target, to }) => ({ image, target: target.id, lock: to })),
    failed: failed.map(({ error, ...at }) => ({ ...at, code: error.code, message: error.message })),
  })
  return exit
}
