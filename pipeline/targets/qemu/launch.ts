import { join } from 'node:path'
import { kernelPanic, lastLines } from '../../core/console-lines.ts'
import { MintmarkError } from '../../errors.ts'
import type { Running } from '../../ports/exec.ts'
import type { Wire } from '../../ports/link-server.ts'
import type { Net } from '../../ports/net.ts'
import type { World } from '../../ports/world.ts'
import { awaitGuestLogin } from '../guest/await-login.ts'
import { socketsPrefix, sshClient } from '../guest/ssh-client.ts'
import type { Instance, LaunchInput, Link } from '../instance.ts'
import { type Accelerator, chooseAccelerator } from './accelerator.ts'
import { needFirmware, type UefiFirmware } from './firmware.ts'
import { linkOver } from './link.ts'
import { type Machine, machineArgv } from './machine.ts'
import { withSecondPowerOn } from './second-power-on.ts'
import { writeSeed } from './seed.ts'
import { startTpm } from './tpm.ts'

const defaultMemoryMiB = 1024
const cpus = 2
/** Other programs may take the chosen port before QEMU does. */
const portTries = 5

/** The same with the file that a machine is started from: absolute; a throw-away overlay takes the writes. */
export interface MachineInput extends Omit<LaunchInput, 'artifact' | 'run'> {
  readonly disk: string
}

interface Started {
  readonly running: Running
  readonly port: number
  readonly forwarded: ReadonlyMap<number, number>
  /** Ends with the machine; null without one. */
  readonly tpm: Running | null
}

/**
 * Boots a machine from an image that is never written to: a throw-away overlay takes the writes. Resolves when
 * QEMU runs, not when the guest does. The machine dies with this process. Emulated, it is powered on a second time when its kernel stops before the
 * first login.
 * @throws MintmarkError TOOL_MISSING, TOOL_FAILED or NO_SPACE
 */
export async function launch(input: MachineInput): Promise<Instance> {
  const { accelerator } = await chooseAccelerator(input.world)
  const powerOn = (): Promise<Instance> => powerOnce(input, accelerator)
  return accelerator === 'tcg' ? withSecondPowerOn(input, powerOn) : powerOn()
}

async function powerOnce(input: MachineInput, accelerator: Accelerator): Promise<Instance> {
  const { world, folder, definition, instance, login } = input
  const { files } = world
  const net = netOf(world)
  const template = await needFirmware(world, definition.machine)
  const { overlay, firmware } = await writableParts(input, template)
  const seed = join(folder, 'seed.img')
  await writeSeed(world, seed, {
    instance,
    authorizedKeys: [login.publicKey.trim(), ...(input.alsoAuthorize ?? [])],
    link: input.link,
  })

  // A socket's path has a short limit, and the caller's folder may be deep.
  const sockets = await files.tempFolder(socketsPrefix)
  const linkSocket = input.link ? join(sockets, 'link') : null
  let wire: Wire | null = null
  try {
    wire = linkSocket === null ? null : await net.listenForWire(linkSocket)
    const consoleLog = join(folder, 'console.log')
    const started = await startMachine(world, net, input.forward ?? [], {
      name: instance,
      accelerator,
      memoryMiB: input.memoryMiB ?? defaultMemoryMiB,
      cpus,
      firmware,
      secureBoot: definition.machine.secureBoot,
      overlay,
      seed,
      consoleLog,
      linkSocket,
      tpm: definition.machine.tpm ? { state: join(folder, 'tpm'), socket: join(sockets, 'tpm') } : null,
      clock: input.clock ?? null,
      cutOff: input.cutOff ?? false,
    })
    const link = wire === null ? null : linkOver(wire, world.clock)
    return instanceOf({ input, started, net, consoleLog, sockets, wire, link })
  } catch (cause) {
    await wire?.close()
    await files.remove(sockets)
    throw cause
  }
}

/** Where the machine writes: an overlay of its disk and, with UEFI, its own copy of the firmware's variables. */
async function writableParts(
  { world: { exec, files }, folder, disk, diskGiB, again }: MachineInput,
  template: UefiFirmware | null,
): Promise<Pick<Machine, 'overlay' | 'firmware'>> {
  const kept = { overlay: join(folder, 'overlay.qcow2'), vars: join(folder, 'efi-vars.fd') }
  const forgotten = { overlay: join(folder, 'forgotten.qcow2'), vars: join(folder, 'forgotten-vars.fd') }
  const own = again === 'forgets' ? forgotten : kept
  const firmware = template === null ? null : { code: template.code, vars: own.vars }
  if (again === 'keeps') return { overlay: own.overlay, firmware }
  const below =
    again === 'forgets'
      ? { disk: kept.overlay, size: [], vars: kept.vars }
      : { disk, size: [`${diskGiB}G`], vars: template?.vars }
  if (firmware !== null && below.vars !== undefined) await files.copy(below.vars, firmware.vars)
  await files.remove(own.overlay)
  // biome-ignore format: one option a line
  await exec.run([
    'qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', below.disk, own.overlay, ...below.size,
  ])
  return { overlay: own.overlay, firmware }
}

function netOf(world: World): Net {
  if (world.net === undefined) throw new MintmarkError('INTERNAL', 'machines need a world with sockets')
  return world.net
}

async function freePorts(net: Net, guests: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const ports = new Map<number, number>()
  for (const guest of guests) ports.set(guest, await net.freePort())
  return ports
}

async function startMachine(
  world: World,
  net: Net,
  forward: readonly number[],
  machine: Omit<Machine, 'sshPort' | 'forwarded'>,
): Promise<Started> {
  for (let attempt = 1; ; attempt += 1) {
    await world.files.remove(machine.consoleLog)
    const port = await net.freePort()
    const forwarded = await freePorts(net, forward)
    const argv = machineArgv({ ...machine, sshPort: port, forwarded })
    // It serves one QEMU only: the next try needs another.
    const tpm = machine.tpm === null ? null : await startTpm(world, machine.tpm)
    const running = world.exec.start(argv, { leash: 'tree' })
    let ended = false
    const done = running.done.then((finished) => {
      ended = true
      return finished
    })
    // QEMU makes the console's file after it has bound the forwarded port: then the machine runs.
    while (!ended && (await world.files.info(machine.consoleLog)) === null) {
      await Promise.race([world.clock.sleep(20), done])
    }
    if (!ended) return { running, port, forwarded, tpm }
    tpm?.kill()
    await tpm?.done
    const { stderr, code } = await done
    if (world.signal.aborted) throw new MintmarkError('INTERRUPTED', 'stopped')
    if (attempt < portTries && stderr.includes('Could not set up host forwarding')) continue
    throw new MintmarkError('TOOL_FAILED', `the machine ${machine.name} did not start (exit code ${code})`, {
      details: lastLines(stderr, 8),
    })
  }
}

interface Parts {
  readonly input: MachineInput
  readonly started: Started
  readonly net: Net
  readonly consoleLog: string
  readonly sockets: string
  readonly wire: Wire | null
  readonly link: Link | null
}

function instanceOf({ input, started, net, consoleLog, sockets, wire, link }: Parts): Instance {
  const { world, login } = input
  const { running, port, forwarded, tpm } = started
  const poweredOn = world.clock.now().getTime()
  const ssh = sshClient(world, { port, login, folder: input.folder, controlSocket: join(sockets, 'ssh') })
  let over = false
  const ended = running.done.then(async () => {
    over = true
    tpm?.kill()
    await tpm?.done
    ssh.close()
    await wire?.close()
    await world.files.remove(sockets)
  })

  const consoleLines = async (lines: number): Promise<readonly string[]> =>
    lastLines(await world.files.readText(consoleLog), lines)

  const consoleSaid = async (lines: number): Promise<readonly string[]> => {
    const said = await consoleLines(lines)
    return said.length > 0 ? said : ['its console stayed silent: nothing was started from the disk']
  }

  const waitForLogin = (deadlineMs: number): Promise<number> =>
    awaitGuestLogin({
      world,
      ssh,
      name: input.instance,
      user: login.user,
      again: input.again !== undefined,
      poweredOn,
      deadlineMs,
      quietMs: 250,
      // The forwarder accepts for a dead guest: only the server's own first words show that one is there.
      greeting: () => net.greeting(port, 3000),
      isOver: async () => over,
      kernelStopped: async () => kernelPanic(await world.files.readText(consoleLog)),
      ended,
      lastWords: async () => [
        ...(over ? lastLines((await running.done).stderr, 4) : ssh.problem()),
        ...(await consoleSaid(15)),
      ],
      hint: `its console is in ${consoleLog}`,
    })

  return {
    host: '127.0.0.1',
    port,
    link,
    forwarded,
    waitForLogin,
    ssh: (command, options) => ssh.run(command, options),
    sshArgv: ssh.argv,
    console: consoleLines,
    ended,
    stop: async () => {
      running.kill()
      await ended
    },
  }
}
