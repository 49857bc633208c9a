import { suggestion } from '../core/did-you-mean.ts'
import { unique } from '../core/lists.ts'
import { type MatrixJob, type PlannedImage, runnerOf } from '../core/matrix.ts'
import { namedTargets, variantsOf } from '../core/variants.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import { TargetId } from '../model/ids.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { chooseTarget } from './choose-target.ts'
import { type Judgement, loadJudgement } from './gate.ts'
import { ensureLasting } from './lasting-catalog.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import { versionFacts } from './release.ts'
import { renderedBundle } from './render.ts'
import { reserveVersion } from './reserve.ts'
import type { SecondScannerOption } from './second-scanner.ts'
import { decideUnchanged } from './unchanged.ts'

export interface MatrixInput {
  /** Names of definitions; none means all. */
  readonly images: readonly string[]
  /** Only jobs of this target; null for all. */
  readonly target: string | null
  /** What the jobs of an image share, so that they make one version. */
  readonly run: string
  /** Leave out images of which no variant would come to anything else than its last release. */
  readonly changed: boolean
  /** Take each image's version now: then every variant of it is built. */
  readonly reserve: boolean
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

/** Why it has to be built, for each target that says so; nothing when it has not. */
async function causesOf(
  world: World,
  { image, definition, targets }: Place,
  input: MatrixInput,
  judgement: Judgement,
): Promise<{ readonly changed: boolean; readonly because: readonly string[] }> {
  const told: string[] = []
  const same: string[] = []
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
      update: (text) => input.update(`${image}: ${text}`),
    })
    const name = targets.length === 1 ? '' : `${target.id}: `
    if (decision.unchanged) same.push(`${name}${decision.release.version}, ${decision.because}`)
    else told.push(...decision.causes.map(({ text }) => `${name}${text}`))
  }
  if (told.length === 0) return { changed: false, because: same }
  const more = told.length - mostCauses
  return {
    changed: true,
    because: [...told.slice(0, mostCauses), ...(more > 0 ? [`${more} more`] : [])],
  }
}

/** One version for all variants, before any of their jobs begins: none of them then finds that its own has not changed. */
async function reserved(world: World, { image, definition, targets }: Place, run: string): Promise<string> {
  const [target] = targets
  if (target === undefined) throw new MintmarkError('INTERNAL', `${image} was planned for no target`)
  const { bundle } = await renderedBundle(world, image, definition, target)
  return reserveVersion(world, {
    image,
    runId: run,
    facts: await versionFacts(world, { image, target }, definition, bundle),
    given: null,
    variants: variantsOf(definition),
  })
}

/** Null when it was not asked for by name, and is not for the target that was. */
async function planned(
  world: World,
  image: string,
  input: MatrixInput,
  judgement: Judgement,
): Promise<PlannedImage | null> {
  const definition = await loadDefinition(world, image)
  const named = namedTargets(definition)
  const { target: only, run } = input
  if (only !== null && input.images.length === 0 && !named.some((id) => id === only)) return null
  const targets = (only === null ? named : [only]).map((asked) => chooseTarget({ image, definition, asked }))
  const place: Place = { image, definition, targets }
  const { changed, because } = input.changed
    ? await causesOf(world, place, input, judgement)
    : { changed: true, because: [] }
  if (!changed) return { image, status: 'unchanged', because }
  const version = input.reserve ? await reserved(world, place, run) : null
  const jobs = targets.flatMap(({ id }) =>
    definition.os.arch.map(
      (arch): MatrixJob => ({ image, target: id, arch, runner: runnerOf(id, arch), run }),
    ),
  )
  return { image, status: 'planned', jobs, version, because }
}

/**
 * What jobs a workflow has to start. An image that can't be planned does not keep the others from it.
 * @throws MintmarkError NOT_FOUND for an image that there is not, USAGE for a target that there is not, CONFIG_INVALID for what all
 * images share
 */
export async function planMatrix(world: World, input: MatrixInput): Promise<readonly PlannedImage[]> {
  const { target } = input
  if (target !== null && !TargetId.safeParse(target).success)
    throw new MintmarkError(
      'USAGE',
      `there is no target "${target}"${suggestion(target, TargetId.options)}`,
      { hint: `targets: ${TargetId.options.join(', ')}` },
    )
  ensureLasting(world, true)
  const known = await imageNames(world)
  const unknown = input.images.find((image) => !known.includes(image))
  // By its own words for a name that there is not.
  if (unknown !== undefined) await loadDefinition(world, unknown)
  const judgement = await loadJudgement(world, input.knownExploited)
  const plan: PlannedImage[] = []
  for (const image of input.images.length === 0 ? known : unique(input.images)) {
    input.update(image)
    try {
      const item = await planned(world, image, input, judgement)
      if (item !== null) plan.push(item)
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code === 'INTERNAL' || world.signal.aborted) throw cause
      const { code, message, lines, hint } = cause
      plan.push({ image, status: 'failed', code, message, lines, hint })
    }
  }
  return plan
}
