import { join } from 'node:path'
import { workDigest } from '../core/fingerprint.ts'
import type { Cause } from '../core/release-causes.ts'
import { variantOf } from '../core/statement.ts'
import { variantsOf } from '../core/variants.ts'
import { MintmarkError } from '../errors.ts'
import { firstChannel } from '../model/channel.ts'
import type { Definition } from '../model/definition.ts'
import type { VersionFacts } from '../model/release.ts'
import type { SayHolder } from '../ports/lock.ts'
import type { World } from '../ports/world.ts'
import { targets } from '../targets/registry.ts'
import { loadSecretRules } from './find-secrets.ts'
import { type Judgement, loadJudgement } from './gate.ts'
import { dropLeftovers } from './leftovers.ts'
import { loadDefinition } from './load-definition.ts'
import { loadPolicy } from './load-policy.ts'
import { describeMachine } from './machine.ts'
import { ensureMovable } from './move-channel.ts'
import { locateVariant, type Release } from './read-release.ts'
import { renderedBundle } from './render.ts'
import { reserveVersion, takenVersions } from './reserve.ts'
import { findRun, listRuns, openNamedRun, openRun, type Run, runFolder, saveRun } from './runs.ts'
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
  readonly prepare: (definition: Definition) => Promise<unknown>
}

export interface Released {
  readonly run: Run
  readonly version: string
  readonly outputs: Partial<StageOutputs>
}

export type ReleaseResult =
  | (Released & { readonly unchanged: false; readonly causes: readonly Cause[] })
  | Extract<Decision, { readonly unchanged: true }>

/** What decides a version's number. */
function versionFacts(definition: Definition, bundle: StageOutputs['render']): VersionFacts {
  return {
    os: `${definition.os.family}-${definition.os.release}`,
    login: targets.qemu.loginUser(definition),
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
async function checkMachine(world: World): Promise<void> {
  const machine = await describeMachine(world)
  if (machine.freeBytes < needsBytes) {
    throw new MintmarkError(
      'NO_SPACE',
      `${Math.floor(machine.freeBytes / 2 ** 30)} GB are free at ${world.places.runs}, a release needs ${needsBytes / 2 ** 30} GB`,
    )
  }
  const time =
    machine.accelerator === 'kvm' ? 'about 4 min' : `no KVM (${machine.why}): about 14 min, with KVM 4`
  world.report.note(`${time} · needs ${needsBytes / 2 ** 30} GB disk, 2 GB memory`)
}

/** Only one run of an image at a time on this machine; another one is told at once. */
const alone = <T>(world: World, image: string, work: (say: SayHolder) => Promise<T>): Promise<T> =>
  world.withLock(join(world.places.runs, image, 'lock'), 2000, work)

/** A run that was stopped after its last write is done; going on with it would hide what is new since. */
async function closeRecorded(world: World, image: string, release: Release): Promise<void> {
  const { run, version } = release.statement.predicate
  if (!release.channels.includes('nightly')) return
  const open = (await listRuns(world, image)).find((item) => item.runId === run && item.state === 'open')
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
async function versionOfRun(world: World, image: string, runId: string | null): Promise<string | null> {
  if (runId === null) return null
  const variant = variantOf({ target: targets.qemu.id, arch: targets.qemu.arch })
  const own = (await takenVersions(world, image)).find(({ reservation }) => reservation.run === runId)
  return own?.missing.includes(variant) === true ? own.reservation.version : null
}

async function decide(
  world: World,
  input: ReleaseInput,
  definition: Definition,
  by: { readonly bundle: string; readonly judgement: Judgement },
): Promise<Decision> {
  if (input.fresh)
    return { unchanged: false, release: null, causes: [{ kind: 'asked', text: 'a new build was asked for' }] }
  const { image, trivyDb, asked } = input
  const step = world.report.step('changes')
  const half = await versionOfRun(world, image, input.run ?? null)
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
      target: targets.qemu,
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

/**
 * The whole way of an image, or the rest of it when an earlier run of the same inputs was stopped; or nothing, when a build
 * could come to nothing else than the last release.
 * @throws MintmarkError GATE_REJECTED, BUILD_FAILED, ...; everything that a stage throws
 */
export async function release(world: World, input: ReleaseInput): Promise<ReleaseResult> {
  const { image } = input
  const definition = await loadDefinition(world, image)
  // All that a build is judged and told by, so that a mistake in it is told before a build and not after.
  await loadPolicy(world, definition.scan.policy)
  const judgement = await loadJudgement(world, input.knownExploited)
  await loadSecretRules(world)
  languageOf(world, null)
  const { bundle } = await renderedBundle(world, image, definition)
  return alone(world, image, async (say) => {
    await dropLeftovers(world, image)
    const decision = await decide(world, input, definition, { bundle: bundle.digest, judgement })
    if (decision.unchanged) return decision
    const variant = variantOf({ target: targets.qemu.id, arch: targets.qemu.arch })
    const place = { image, channel: firstChannel, variant }
    await ensureMovable(world, place, { trust: await trustedKeys(world, null), onlyTrust: false })
    await readSecrets(world, image, definition)
    await signerReady(world)
    await input.prepare(definition)
    await checkMachine(world)
    const wanted = {
      image,
      definition: workDigest(definition),
      bundle: bundle.digest,
      asked: input.asked,
      fresh: input.fresh,
    }
    const named = input.run ?? null
    const opened = named === null ? await openRun(world, wanted) : await openNamedRun(world, wanted, named)
    await say(`run ${opened.run.runId}`)
    if (opened.resumed) world.report.note(`going on with run ${opened.run.runId} (--fresh starts over)`)
    const facts = versionFacts(definition, bundle)
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
        runId: run.runId,
        folder: runFolder(world, image, run.runId),
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
      return { unchanged: false, causes: decision.causes, run, version, outputs }
    } catch (cause) {
      if (cause instanceof MintmarkError && cause.code === 'GATE_REJECTED')
        await saveRun(world, { ...run, state: 'rejected' })
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
  given: Pick<ReleaseInput, 'trivyDb' | 'knownExploited' | 'secondScanner'>,
): Promise<Released> {
  const definition = await loadDefinition(world, image)
  return alone(world, image, async (say) => {
    await dropLeftovers(world, image)
    const run = await findRun(world, image, runId)
    await say(`run ${run.runId}`)
    const { version } = run
    if (version === null)
      throw new MintmarkError('NOT_FOUND', `run ${run.runId} was stopped before it had a version`, {
        hint: `./mintmark release ${image}`,
      })
    const folder = runFolder(world, image, run.runId)
    const outputs = await runSpine({
      world,
      image,
      definition,
      runId: run.runId,
      folder,
      version,
      options: { ...given, emergency: null },
      until: stage,
      again: stage,
    })
    return { run, version, outputs }
  })
}
