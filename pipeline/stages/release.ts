import { join } from 'node:path'
import { workDigest } from '../core/fingerprint.ts'
import type { Cause } from '../core/release-causes.ts'
import { variantsOf } from '../core/variants.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import type { Definition } from '../model/definition.ts'
import type { VersionFacts } from '../model/release.ts'
import type { Accelerator } from '../model/stages.ts'
import type { SayHolder } from '../ports/lock.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { chooseTarget, leadingTarget, variantAt } from './choose-target.ts'
import { behindLines, type Distribution, distributeChannels, nowhere } from './distribute.ts'
import { loadSecretRules } from './find-secrets.ts'
import { type Judgement, loadJudgement } from './gate.ts'
import { ensureLasting } from './lasting-catalog.ts'
import { dropLeftovers } from './leftovers.ts'
import { loadDefinition } from './load-definition.ts'
import { loadPolicy } from './load-policy.ts'
import { describeMachine } from './machine.ts'
import { ensureMovable } from './move-channel.ts'
import { locateVariant, type Release } from './read-release.ts'
import { renderedBundle } from './render.ts'
import { reserveVersion, takenVersions } from './reserve.ts'
import { findRun, listRuns, openNamedRun, openRun, type Run, runFolder, saveRun, targetIdOf } from './runs.ts'
import type { SecondScannerOption } from './second-scanner.ts'
import { readSecrets } from './secrets.ts'
import { signerReady } from './signer-ready.ts'
import { runSpine } from './spine.ts'
import type { StageId, StageOutputs } from './stage.ts'
import { type Decision, decideUnchanged } from './unchanged.ts'
import { trustedKeys } from './verify-release.ts'
import { languageOf } from './write-report.ts'

const needsBytes = 8 * 2 ** 30

export interface ReleaseInput {
  readonly image: string
  /** One of the definition's; null for the only one. */
  readonly target: string | null
  readonly trivyDb: string | null
  /** A file or an address of a known-exploited list; null: none. */
  readonly knownExploited: string | null
  /** Why what is no worse than the current release has to be shipped; null: it has not. */
  readonly emergency: string | null
  /** Which other scanner looks as well; none when it is null or left out. */
  readonly secondScanner?: SecondScannerOption | null
  /** The version that a person asks for. */
  readonly asked: string | null
  /** Build without asking whether there is anything new. */
  readonly fresh: boolean
  /** An id that the jobs of several variants share, so that they make one version; left out or null: one of its own. */
  readonly run?: string | null
  /** Called once it is known that something has to be built. */
  readonly prepare: (definition: Definition, target: Target) => Promise<unknown>
}

export interface Released {
  readonly run: Run
  readonly version: string
  readonly outputs: Partial<StageOutputs>
}

/** What the image's channels came to in all places of the target. */
interface Reached {
  readonly distribution: Distribution
}

/** Which image is made, and where. */
interface Place {
  readonly image: string
  readonly target: Target
}

export type ReleaseResult =
  | (Released & Reached & { readonly unchanged: false; readonly causes: readonly Cause[] })
  | (Extract<Decision, { readonly unchanged: true }> & Reached)

/** What decides a version's number. */
export async function versionFacts(
  world: World,
  { image, target }: Place,
  definition: Definition,
  rendered: StageOutputs['render'],
): Promise<VersionFacts> {
  const leading = leadingTarget({ image, definition })
  const bundle =
    leading.id === target.id ? rendered : (await renderedBundle(world, image, definition, leading)).bundle
  return {
    os: `${definition.os.family}-${definition.os.release}`,
    login: leading.loginUser(definition),
    layout: definition.disk.layout,
    profile: definition.hardening.profiles.join(','),
    packages: {
      add: [...definition.content.packages.add].sort(),
      remove: [...definition.content.packages.remove].sort(),
    },
    ports: [...definition.content.ports].sort((a, b) => a - b),
    controls: [...bundle.controls],
    bundle: bundle.digest,
  }
}

/** Says how long it will take. @throws MintmarkError NO_SPACE */
async function checkMachine(world: World, target: Target): Promise<void> {
  const machine = await describeMachine(world, target)
  if (machine.freeBytes < needsBytes) {
    throw new MintmarkError(
      'NO_SPACE',
      `${Math.floor(machine.freeBytes / 2 ** 30)} GB are free at ${world.places.runs}, a release needs ${needsBytes / 2 ** 30} GB`,
    )
  }
  const times: Readonly<Record<Accelerator, string>> = {
    kvm: 'about 4 min',
    tcg: `no KVM (${machine.why}): about 14 min, with KVM 4`,
    cloud: machine.why,
  }
  const time = times[machine.accelerator]
  world.report.note(`${time} · needs ${needsBytes / 2 ** 30} GB disk, 2 GB memory`)
}

/** Only one run of an image at a time on this machine; another one is told at once. */
const alone = <T>(world: World, image: string, work: (say: SayHolder) => Promise<T>): Promise<T> =>
  world.withLock(join(world.places.runs, image, 'lock'), 2000, work)

/** A run that was stopped after its last write is done; going on with it would hide what is new since. */
async function closeRecorded(world: World, image: string, release: Release): Promise<void> {
  const { run, version, target } = release.statement.predicate
  if (!release.channels.includes('nightly')) return
  const open = (await listRuns(world, image)).find(
    (item) => item.runId === run && targetIdOf(item) === target && item.state === 'open',
  )
  if (open?.version === version) await saveRun(world, { ...open, state: 'done' })
}

/** @throws MintmarkError USAGE when the run has made this variant before: its id was given to two runs */
async function refuseRecorded(
  world: World,
  place: { readonly image: string; readonly version: string; readonly variant: string },
  runId: string,
): Promise<void> {
  if ((await locateVariant(world, place)) === null) return
  throw new MintmarkError(
    'USAGE',
    `run ${runId} has made ${place.image}@${place.version} for ${place.variant} before`,
    {
      hint: 'give each run an id of its own: --run ID, or the variable MINTMARK_RUN',
    },
  )
}

/** The version that the other jobs of this run make, and that has no record of this variant yet; null when there is none. */
async function versionOfRun(
  world: World,
  { image, target }: Place,
  runId: string | null,
): Promise<string | null> {
  if (runId === null) return null
  const variant = variantAt(target)
  const own = (await takenVersions(world, image)).find(({ reservation }) => reservation.run === runId)
  return own?.missing.includes(variant) === true ? own.reservation.version : null
}

async function decide(
  world: World,
  input: ReleaseInput,
  definition: Definition,
  by: { readonly target: Target; readonly bundle: string; readonly judgement: Judgement },
): Promise<Decision> {
  if (input.fresh)
    return { unchanged: false, release: null, causes: [{ kind: 'asked', text: 'a new build was asked for' }] }
  const { image, trivyDb, asked } = input
  const step = world.report.step('changes')
  const half = await versionOfRun(world, { image, target: by.target }, input.run ?? null)
  if (half !== null) {
    const text = `run ${input.run} makes ${half} of every variant`
    step.done(text)
    return { unchanged: false, release: null, causes: [{ kind: 'asked', text }] }
  }
  try {
    const decision = await decideUnchanged({
      world,
      image,
      definition,
      ...by,
      trivyDb,
      secondScanner: input.secondScanner ?? null,
      asked,
      update: (text) => step.update(text),
    })
    if (decision.release !== null) await closeRecorded(world, image, decision.release)
    step.done(
      decision.unchanged
        ? `${image} ${decision.release.version} is unchanged`
        : decision.causes.map((cause) => cause.text).join('; '),
    )
    return decision
  } catch (cause) {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  }
}

/** Every channel in every place: what an earlier run left behind is done by this one. */
async function reachAll(world: World, place: Place, definition: Definition): Promise<Distribution> {
  if (place.target.distribute === undefined) return nowhere
  const trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  const step = world.report.step('distribute')
  const update = (text: string): void => step.update(text)
  return distributeChannels(world, { ...place, definition, channels: null, update }, trust).then(
    (distribution) => {
      const { images, done, behind } = distribution
      if (behind.length > 0) step.fail(`${behind.length} left behind`)
      else
        step.done(
          done.length === 0 ? 'nothing to do' : `${done.length} done, ${images.length} images are whole`,
        )
      return distribution
    },
    (cause: unknown) => {
      step.fail(cause instanceof Error ? cause.message : String(cause))
      throw cause
    },
  )
}

/**
 * The whole way of an image, or the rest of it when an earlier run of the same inputs was stopped; or nothing, when a build
 * could come to nothing else than the last release.
 * @throws MintmarkError GATE_REJECTED, BUILD_FAILED, ...; everything that a stage throws
 */
export async function release(world: World, input: ReleaseInput): Promise<ReleaseResult> {
  const { image } = input
  const definition = await loadDefinition(world, image)
  const target = chooseTarget({ image, definition, asked: input.target })
  ensureLasting(world, (input.run ?? null) !== null)
  // All that a build is judged and told by, so that a mistake in it is told before a build and not after.
  await loadPolicy(world, definition.scan.policy)
  const judgement = await loadJudgement(world, input.knownExploited)
  await loadSecretRules(world)
  languageOf(world, null)
  const { bundle } = await renderedBundle(world, image, definition, target)
  return alone(world, image, async (say) => {
    await dropLeftovers(world, image)
    const decision = await decide(world, input, definition, { target, bundle: bundle.digest, judgement })
    if (decision.unchanged)
      return { ...decision, distribution: await reachAll(world, { image, target }, definition) }
    const variant = variantAt(target)
    const place = { image, channel: firstChannel, variant }
    await ensureMovable(world, place, { trust: await trustedKeys(world, null), onlyTrust: false })
    await readSecrets(world, image, definition)
    await signerReady(world)
    await input.prepare(definition, target)
    await checkMachine(world, target)
    const wanted = {
      image,
      target: target.id,
      definition: workDigest(definition),
      bundle: bundle.digest,
      asked: input.asked,
      fresh: input.fresh,
    }
    const named = input.run ?? null
    const opened = named === null ? await openRun(world, wanted) : await openNamedRun(world, wanted, named)
    await say(`run ${opened.run.runId}`)
    if (opened.resumed) world.report.note(`going on with run ${opened.run.runId} (--fresh starts over)`)
    const facts = await versionFacts(world, { image, target }, definition, bundle)
    const version = await reserveVersion(world, {
      image,
      runId: opened.run.runId,
      facts,
      given: input.asked,
      variants: variantsOf(definition),
    })
    if (!opened.resumed)
      await refuseRecorded(world, { image, version, variant: place.variant }, opened.run.runId)
    const run: Run = { ...opened.run, version }
    await saveRun(world, run)
    try {
      const outputs = await runSpine({
        world,
        image,
        definition,
        target,
        runId: run.runId,
        folder: runFolder(world, run),
        version,
        options: {
          trivyDb: input.trivyDb,
          knownExploited: input.knownExploited,
          emergency: input.emergency,
          secondScanner: input.secondScanner ?? null,
        },
        until: null,
        again: null,
      })
      await saveRun(world, { ...run, state: 'done' })
      const distribution = await reachAll(world, { image, target }, definition)
      return { unchanged: false, causes: decision.causes, run, version, outputs, distribution }
    } catch (cause) {
      if (cause instanceof MintmarkError && cause.code === 'GATE_REJECTED') {
        await saveRun(world, { ...run, state: 'rejected' })
        // What earlier releases left behind does not wait for a better one; nor does it hide why this one is none.
        const lines = await reachAll(world, { image, target }, definition).then(
          behindLines,
          (other: unknown) => {
            if (world.signal.aborted || !(other instanceof MintmarkError)) throw other
            return [other.message]
          },
        )
        for (const line of lines) world.report.warn(line)
      }
      throw cause
    }
  })
}

/** One stage of a run again, with what the stages before it left. */
export async function runStageAgain(
  world: World,
  image: string,
  stage: StageId,
  runId: string | null,
  given: Pick<ReleaseInput, 'target' | 'trivyDb' | 'knownExploited' | 'secondScanner'>,
): Promise<Released> {
  const definition = await loadDefinition(world, image)
  const { target: asked, ...options } = given
  const only = asked === null ? null : chooseTarget({ image, definition, asked }).id
  return alone(world, image, async (say) => {
    await dropLeftovers(world, image)
    const run = await findRun(world, image, runId, only)
    await say(`run ${run.runId}`)
    const { version } = run
    if (version === null)
      throw new MintmarkError('NOT_FOUND', `run ${run.runId} was stopped before it had a version`, {
        hint: `./mintmark release ${image}`,
      })
    const folder = runFolder(world, run)
    const outputs = await runSpine({
      world,
      image,
      definition,
      target: chooseTarget({ image, definition, asked: targetIdOf(run) }),
      runId: run.runId,
      folder,
      version,
      options: { ...options, emergency: null },
      until: stage,
      again: stage,
    })
    return { run, version, outputs }
  })
}
