import { join } from 'node:path'
import { askedPorts } from '../core/own-tests.ts'
import { MintmarkError } from '../errors.ts'
import type { ArtifactPlace } from '../model/artifact.ts'
import type { Definition } from '../model/definition.ts'
import type { Finished } from '../ports/exec.ts'
import type { World } from '../ports/world.ts'
import type { Instance, LaunchInput, Login } from '../targets/instance.ts'
import type { Target } from '../targets/target.ts'
import { instanceKey } from './instance-key.ts'

const powerOffMs = 300_000
const freshLoginMs = 90_000

export interface InstanceInput {
  readonly world: World
  readonly target: Pick<Target, 'launch' | 'loginUser' | 'guestMirrors' | 'capabilities'>
  readonly definition: Definition
  readonly run: LaunchInput['run']
  /** Never written to. */
  readonly artifact: ArtifactPlace
  readonly instance: string
  /** Private folder of this instance. */
  readonly folder: string
  /** Path of the console log that stays; those of later power-ons get a word before their ending. */
  readonly consoleLog: string
  readonly diskGiB: number
}

/** One instance that can be powered on again and again, always as a new machine: a warm reset may never come back. */
export interface Powered {
  readonly input: InstanceInput
  readonly login: Login
  /** Of each power-on. */
  readonly machines: Instance[]
}

/** Prepares the folder and the key of a new instance. */
export async function newInstance(input: InstanceInput): Promise<Powered> {
  const { world, target, folder, definition } = input
  await world.files.remove(folder)
  await world.files.makeFolder(folder, { mode: 0o700 })
  return { input, login: await instanceKey(world, folder, target.loginUser(definition)), machines: [] }
}

/** Nothing is left of the instance: not outside of its folder, then not the folder. */
export async function removeInstance({ input, machines }: Powered): Promise<void> {
  try {
    for (const machine of machines) await machine.remove?.()
  } finally {
    await input.world.files.remove(input.folder)
  }
}

/** `boot-a.log` and the word `later` -> `boot-a-later.log`. */
const consoleOf = (path: string, word: string): string =>
  word === '' ? path : path.replace(/(\.[a-z]+)?$/, (ending) => `-${word}${ending}`)

/**
 * Powers the instance on and gives its machine to `work`; the machine is ended and its console kept whatever happens.
 * @param word names this power-on in the console's file; empty for the first
 */
export async function on<T>(
  powered: Powered,
  how: Pick<LaunchInput, 'again' | 'clock' | 'cutOff' | 'link' | 'goesOn'>,
  word: string,
  work: (machine: Instance) => Promise<T>,
): Promise<T> {
  const { input, login } = powered
  const { world, folder, definition } = input
  const machine = await input.target.launch({
    ...how,
    world,
    artifact: input.artifact,
    definition,
    instance: input.instance,
    login,
    folder,
    diskGiB: input.diskGiB,
    forward: how.link ? askedPorts(definition.test) : [],
    run: input.run,
  })
  powered.machines.push(machine)
  try {
    return await work(machine)
  } finally {
    await machine.stop()
    const console = join(folder, 'console.log')
    if ((await world.files.info(console)) !== null)
      await world.files.copy(console, consoleOf(input.consoleLog, word))
  }
}

/** Seconds to a login, or the problem with what the console said last. @throws what is no answer of the machine */
export async function awaitLogin(
  machine: Instance,
  deadlineMs: number,
): Promise<{ readonly seconds: number } | { readonly problem: string }> {
  try {
    return { seconds: await machine.waitForLogin(deadlineMs) }
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code !== 'TOOL_FAILED') throw cause
    return { problem: [cause.message, ...cause.lines.slice(-4)].join(' / ') }
  }
}

/** Asks the guest to power off, which also writes its disk to the end; false when it did not within five minutes. */
export async function powerOff(world: Pick<World, 'clock' | 'signal'>, machine: Instance): Promise<boolean> {
  const until = world.clock.now().getTime() + powerOffMs
  let off = false
  const ended = machine.ended.then(() => {
    off = true
  })
  await Promise.race([machine.ssh('sudo -n systemctl --no-block poweroff', { timeoutMs: 60_000 }), ended])
  while (!off && !world.signal.aborted && world.clock.now().getTime() < until) {
    await Promise.race([world.clock.sleep(200), ended])
  }
  return off
}

/** A login of its own, with none of the shared connection. Options of OpenSSH given here win. */
export function freshLogin(
  world: Pick<World, 'exec'>,
  machine: Instance,
  command: string,
  options: readonly string[] = [],
): Promise<Finished> {
  const [ssh = 'ssh', ...rest] = machine.sshArgv()
  return world.exec.run([ssh, '-o', 'ControlPath=none', ...options, ...rest, command], {
    ok: 'any',
    timeoutMs: freshLoginMs,
  })
}
