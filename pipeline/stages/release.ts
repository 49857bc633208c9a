import { join } from 'node:path'
import { digestOf } from '../core/digest.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import type { VersionFacts } from '../model/release.ts'
import type { World } from '../ports/world.ts'
import { targets } from '../targets/registry.ts'
import { loadDefinition } from './load-definition.ts'
import { describeMachine } from './machine.ts'
import { renderedBundle } from './render.ts'
import { reserveVersion } from './reserve.ts'
import { findRun, openRun, type Run, runFolder, saveRun } from './runs.ts'
import { runSpine } from './spine.ts'
import type { StageId, StageOutputs } from './stage.ts'

const needsBytes = 8 * 2 ** 30

export interface ReleaseInput {
  readonly image: string
  readonly trivyDb: string | null
  /** The version that a person asks for. */
  readonly asked: string | null
  readonly fresh: boolean
}

export interface Released {
  readonly run: Run
  readonly version: string
  readonly outputs: Partial<StageOutputs>
}

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

/** Only one run of an image at a time on this machine; another one is told at once. */
const alone = <T>(world: World, image: string, work: () => Promise<T>): Promise<T> =>
  world.withLock(join(world.places.runs, image, 'lock'), 2000, work)

/**
 * The whole way of an image, or the rest of it when an earlier run of the same inputs was stopped.
 * @throws MintmarkError GATE_REJECTED, BUILD_FAILED, ...; everything that a stage throws
 */
export async function release(world: World, input: ReleaseInput): Promise<Released> {
  const { image } = input
  const definition = await loadDefinition(world, image)
  const { bundle } = await renderedBundle(world, image, definition)
  const machine = await describeMachine(world)
  if (machine.freeBytes < needsBytes) {
    throw new MintmarkError(
      'NO_SPACE',
      `${Math.floor(machine.freeBytes / 2 ** 30)} GB are free at ${world.places.runs}, a release needs ${needsBytes / 2 ** 30} GB`,
    )
  }
  const time =
    machine.accelerator === 'kvm' ? 'about 3 min' : `no KVM (${machine.why}): about 8 min, with KVM 3`
  world.report.note(`${time} · needs ${needsBytes / 2 ** 30} GB disk, 2 GB memory`)
  return alone(world, image, async () => {
    const opened = await openRun(world, {
      image,
      definition: digestOf(definition),
      bundle: bundle.digest,
      asked: input.asked,
      fresh: input.fresh,
    })
    if (opened.resumed) world.report.note(`going on with run ${opened.run.runId} (--fresh starts over)`)
    const facts = versionFacts(definition, bundle)
    const version = await reserveVersion(world, { image, runId: opened.run.runId, facts, given: input.asked })
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
        options: { trivyDb: input.trivyDb },
        until: null,
        again: null,
      })
      await saveRun(world, { ...run, state: 'done' })
      return { run, version, outputs }
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
  trivyDb: string | null,
): Promise<Released> {
  const definition = await loadDefinition(world, image)
  return alone(world, image, async () => {
    const run = await findRun(world, image, runId)
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
      options: { trivyDb },
      until: stage,
      again: stage,
    })
    return { run, version, outputs }
  })
}
