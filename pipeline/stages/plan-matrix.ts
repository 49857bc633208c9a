import { suggestion } from '../core/did-you-mean.ts'
import { listed, unique } from '../core/lists.ts'
import { type MatrixJob, type PlannedImage, runnerOf } from '../core/matrix.ts'
import { visible } from '../core/show-value.ts'
import { namedTargets, variantsOf } from '../core/variants.ts'
import type { Level } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import type { Definition } from '../model/definition.ts'
import { TargetId } from '../model/ids.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { chooseTarget } from './choose-target.ts'
import { type Judgement, loadJudgement } from './gate.ts'
import { ensureLasting } from './lasting-catalog.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import { refuseChannel } from './promotion.ts'
import { versionFacts } from './release.ts'
import { renderedBundle } from './render.ts'
import { reserveVersion } from './reserve.ts'
import type { SecondScannerOption } from './second-scanner.ts'
import { decideUnchanged } from './unchanged.ts'
import { undistributed } from './undistributed.ts'
import { trustedKeys } from './verify-release.ts'

export interface MatrixInput {
  /** Names of definitions; none means all. */
  readonly images: readonly string[]
  /** Only jobs of these targets; none means all. */
  readonly targets: readonly string[]
  /** What the jobs of an image share, so that they make one version. */
  readonly run: string
  /** Leave out images of which no variant would come to anything else than its last release. */
  readonly changed: boolean
  /** Take each image's version now: then every variant of it is built. */
  readonly reserve: boolean
  /** The version that a person asks for; left out for the derived one. */
  readonly asked?: string | null
  /** The level above the last release that a person asks for; left out for what the changes call for. */
  readonly bump?: Level | null
  readonly trivyDb: string | null
  readonly knownExploited: string | null
  readonly secondScanner: SecondScannerOption | null
  readonly update: (text: string) => void
}

interface Place {
  readonly image: string
  readonly definition: Definition
  readonly targets: readonly Target[]
}

const mostCauses = 5

const isOneOf = (id: string, ids: readonly TargetId[]): boolean => ids.some((known) => known === id)

/** What holds for all images of a plan. */
interface Asked extends MatrixInput {
  readonly judgement: Judgement
  /** Places that did not answer, and why. */
  readonly silent: Map<string, string>
}

/** What there is to do for an image. */
interface Causes {
  /** It has to be built. */
  readonly changed: boolean
  /** What is there already has to be brought to places that are behind. */
  readonly behind: boolean
  /** Why, or why not. */
  readonly because: readonly string[]
}

const mostTold = (told: readonly string[]): readonly string[] => {
  const more = told.length - mostCauses
  return [...told.slice(0, mostCauses), ...(more > 0 ? [`${more} more`] : [])]
}

/** Why it has to be built, for each target that says so; if none does, what is behind. */
async function causesOf(
  world: World,
  { image, definition, targets }: Place,
  { judgement, silent, ...input }: Asked,
): Promise<Causes> {
  const told: string[] = []
  const same: string[] = []
  const update = (text: string): void => input.update(`${image}: ${text}`)
  for (const target of targets) {
    const { bundle } = await renderedBundle(world, image, definition, target)
    const decision = await decideUnchanged({
      world,
      image,
      definition,
      bundle: bundle.digest,
      target,
      judgement,
      trivyDb: input.trivyDb,
      secondScanner: input.secondScanner,
      asked: null,
      update,
    })
    const name = targets.length === 1 ? '' : `${target.id}: `
    if (decision.unchanged) same.push(`${name}${decision.release.version}, ${decision.because}`)
    else told.push(...decision.causes.map(({ text }) => `${name}${text}`))
  }
  if (told.length > 0) return { changed: true, behind: false, because: mostTold(told) }
  // A build would bring it there, too: it is asked only where there is none.
  const trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  for (const target of targets)
    told.push(...(await undistributed(world, { image, definition, target, silent, update }, trust)))
  const behind = told.length > 0
  return { changed: false, behind, because: behind ? mostTold(told) : same }
}

/** One version for all variants, before any of their jobs begins: none of them then finds that its own has not changed. */
async function reserved(
  world: World,
  { image, definition, targets }: Place,
  { run, asked = null, bump = null }: MatrixInput,
): Promise<string> {
  const [target] = targets
  if (target === undefined) throw new MintmarkError('INTERNAL', `${image} was planned for no target`)
  const { bundle } = await renderedBundle(world, image, definition, target)
  return reserveVersion(world, {
    image,
    runId: run,
    facts: await versionFacts(world, { image, target }, definition, bundle),
    given: asked,
    bump,
    variants: variantsOf(definition),
  })
}

/** Null when it was not asked for by name, and is for none of the targets that were. */
async function planned(world: World, image: string, input: Asked): Promise<PlannedImage | null> {
  const definition = await loadDefinition(world, image)
  const named = namedTargets(definition)
  const { run } = input
  const only = input.images.length > 0 ? input.targets : input.targets.filter((id) => isOneOf(id, named))
  if (only.length === 0 && input.targets.length > 0) return null
  const targets = (only.length === 0 ? named : unique(only)).map((asked) =>
    chooseTarget({ image, definition, asked }),
  )
  const place: Place = { image, definition, targets }
  const { changed, behind, because } = input.changed
    ? await causesOf(world, place, input)
    : { changed: true, behind: false, because: [] }
  if (!changed && !behind) return { image, status: 'unchanged', because }
  // Without a version of its own a job finds that nothing has changed, and brings what is there to where it is not. There is one for
  // each variant all the same: what finds something new by then makes a version, and a version has all of them.
  const version = changed && input.reserve ? await reserved(world, place, input) : null
  const jobs = targets.flatMap(({ id }) =>
    definition.os.arch.map(
      (arch): MatrixJob => ({ image, target: id, arch, runner: runnerOf(id, arch), run }),
    ),
  )
  return { image, status: 'planned', jobs, work: changed ? 'build' : 'distribute', version, because }
}

/**
 * What jobs a workflow has to start. An image that can't be planned does not keep the others from it.
 * @throws MintmarkError NOT_FOUND for an image that there is not, USAGE for a target that there is not, CONFIG_INVALID for what all
 * images share
 */
export async function planMatrix(world: World, input: MatrixInput): Promise<readonly PlannedImage[]> {
  for (const target of input.targets)
    if (!isOneOf(target, TargetId.options))
      throw new MintmarkError(
        'USAGE',
        `there is no target "${visible(target)}"${suggestion(target, TargetId.options)}`,
        { hint: `targets: ${TargetId.options.join(', ')}` },
      )
  ensureLasting(world, true)
  const known = await imageNames(world)
  const unknown = input.images.find((image) => !known.includes(image))
  // By its own words for a name that there is not.
  if (unknown !== undefined) await loadDefinition(world, unknown)
  const judgement = await loadJudgement(world, input.knownExploited)
  const silent = new Map<string, string>()
  const plan: PlannedImage[] = []
  for (const image of input.images.length === 0 ? known : unique(input.images)) {
    input.update(image)
    try {
      const item = await planned(world, image, { ...input, judgement, silent })
      if (item !== null) plan.push(item)
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code === 'INTERNAL' || world.signal.aborted) throw cause
      const { code, message, lines, hint } = cause
      plan.push({ image, status: 'failed', code, message, lines, hint })
    }
  }
  return plan
}

/**
 * The plan of a release by hand: one image, whose channel is there and can take what is built. All that would be refused after the
 * build is refused before it.
 * @param channel null or nightly: it stays in nightly
 * @returns the plan of that one image, and the channel; null for nightly
 * @throws MintmarkError USAGE for no image, several, or too few targets; NOT_FOUND for a channel that there is not; as planMatrix does
 */
export async function planRelease(
  world: World,
  input: MatrixInput,
  channel: string | null,
): Promise<{ readonly plan: readonly PlannedImage[]; readonly channel: string | null }> {
  const [image, ...others] = input.images
  if (image === undefined || others.length > 0)
    throw new MintmarkError(
      'USAGE',
      `a release by hand is of one image, and ${image === undefined ? 'none is' : `${others.length + 1} are`} named`,
      { hint: `there are: ${listed(await imageNames(world), 12)}` },
    )
  const to = channel === firstChannel ? null : channel
  const definition = await loadDefinition(world, image)
  if (to !== null) {
    refuseChannel(definition, image, to)
    const missing = namedTargets(definition).filter((id) => !input.targets.includes(id))
    if (input.targets.length > 0 && missing.length > 0)
      throw new MintmarkError(
        'USAGE',
        `${to} takes whole versions alone, and ${missing.join(', ')} of images/${image}.yaml would not be built`,
        { hint: 'leave the targets out to build all, or the channel to build some' },
      )
  }
  return { plan: await planMatrix(world, input), channel: to }
}
