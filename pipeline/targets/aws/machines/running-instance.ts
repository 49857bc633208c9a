import { join } from 'node:path'
import { lastLines } from '../../../core/console-lines.ts'
import { hostKeysOnConsole, strangeHostKeys } from '../../../core/host-keys.ts'
import { MintmarkError } from '../../../errors.ts'
import type { Net } from '../../../ports/net.ts'
import { awaitGuestLogin } from '../../guest/await-login.ts'
import { knownHosts, socketsPrefix, sshClient } from '../../guest/ssh-client.ts'
import type { CloudSide, Instance } from '../../instance.ts'
import type { AwsCalls } from '../client.ts'
import { until } from '../until.ts'
import type { InstanceParts } from './instance-parts.ts'
import { scanOf } from './instance-scan.ts'
import {
  addressOf,
  awaitInstance,
  type InstanceSight,
  type InstanceState,
  lookAtInstance,
  reasonOf,
  stateOf,
} from './instance-state.ts'
import type { AwsLaunchInput } from './launch.ts'

const sshPort = 22
const quietMs = 1000
const lookEveryMs = 5000
const consoleEveryMs = 10_000
const greetingMs = 3000
const stopMs = 600_000
/** The console of a type of instance that has it only now and then. */
const confirmMs = 120_000
const sliceMs = 250

const off: readonly InstanceState[] = ['stopping', 'stopped', 'shutting-down', 'terminated']

export interface RunningInput {
  readonly calls: AwsCalls
  readonly input: AwsLaunchInput
  readonly net: Net
  readonly parts: InstanceParts
  /** Milliseconds. */
  readonly poweredOn: number
  /** For people. */
  readonly name: string
  readonly cloud: CloudSide
  /** Ends the instance and removes all that was made for it; may be repeated. */
  readonly remove: () => Promise<void>
}

/** Text of the console so far; empty before EC2 has any. Not every type of instance has it as it is now. */
async function consoleOf(calls: AwsCalls, id: string): Promise<string> {
  const asked = { InstanceId: id }
  const latest = await calls.ec2.find('GetConsoleOutput', { ...asked, Latest: true }, [
    'UnsupportedOperation',
  ])
  const { Output: output = '' } = latest ?? (await calls.ec2.send('GetConsoleOutput', asked))
  const bytes = Uint8Array.from(atob(output), (char) => char.charCodeAt(0))
  return new TextDecoder().decode(bytes)
}

/** An instance that EC2 has taken on, as stages use it. */
export async function runningInstance(of: RunningInput): Promise<Instance> {
  const { calls, input, net, parts } = of
  const { world, folder, login, forward = [], goesOn = false, from } = input
  const { clock, files, signal } = world
  const { instanceId: id } = parts
  const port = input.sshPort ?? sshPort
  const sockets = await files.tempFolder(socketsPrefix)
  const known = knownHosts(folder)

  let sight: InstanceSight | null = null
  let lookedAt = 0
  let consoleAt = 0
  let over = false
  let hostKeys: 'accept-new' | 'yes' = input.again === undefined ? 'accept-new' : 'yes'
  let watching = false
  let tellEnd = (): void => undefined
  const ended = new Promise<void>((resolve) => {
    tellEnd = resolve
  })
  const ms = (): number => clock.now().getTime()

  const address = (): string => {
    const known = sight === null ? null : addressOf(sight, from)
    if (known !== null) return known
    throw new MintmarkError('INTERNAL', `${of.name} has no address yet`)
  }

  /** Asked at most every few seconds. */
  async function look(): Promise<void> {
    if (over || ms() - lookedAt < lookEveryMs) return
    lookedAt = ms()
    sight = (await lookAtInstance(calls, id)) ?? sight
    // One that was just asked to start may still be told as it was.
    const settling = input.again !== undefined && ms() - of.poweredOn < lookEveryMs
    over = sight !== null && off.includes(stateOf(sight)) && !settling
    if (over) tellEnd()
  }

  const ssh = sshClient(world, {
    get host() {
      return address()
    },
    port,
    login,
    folder,
    controlSocket: join(sockets, 'ssh'),
    hostKeyAlias: id,
    get hostKeys() {
      return hostKeys
    },
  })

  /** Takes the host keys from the console, where cloud-init writes them; else the first that is seen, until a login has worked. */
  async function pinHostKeys(): Promise<void> {
    if (hostKeys === 'yes') return
    await files.remove(known)
    if (ms() - consoleAt < consoleEveryMs) return
    consoleAt = ms()
    const keys = hostKeysOnConsole(await consoleOf(calls, id))
    if (keys.length === 0) return
    await files.write(known, `${keys.map((key) => `${id} ${key}`).join('\n')}\n`, { mode: 0o600 })
    hostKeys = 'yes'
  }

  /**
   * A login is often there before the console has the keys: then they are held against it before anything that the guest said is believed.
   * A console that never has them is told, for nothing else can confirm them.
   * @throws MintmarkError CHAIN_BROKEN when somebody else answers in the instance's place
   */
  async function confirmHostKeys(): Promise<void> {
    if ((await files.info(known)) === null) return
    const keys = await until(world, confirmMs, async () => {
      const found = hostKeysOnConsole(await consoleOf(calls, id))
      return found.length === 0 ? null : found
    })
    if (keys === null)
      return world.report.warn(
        `the console of ${of.name} shows no SSH host keys: nothing confirms that it is the machine that answers`,
      )
    const strange = strangeHostKeys(await files.readText(known), keys)
    if (strange.length === 0) return
    throw new MintmarkError(
      'CHAIN_BROKEN',
      `whoever answers at ${address()} has a host key that ${of.name} does not have: ${strange[0] ?? ''}`,
      { hint: 'something between this machine and the instance answers for it: run from another network' },
    )
  }

  async function greeting(): Promise<string | null> {
    const where = sight === null ? null : addressOf(sight, from)
    const said = where === null ? null : await net.greeting(port, greetingMs, where)
    if (said?.startsWith('SSH-')) await pinHostKeys()
    return said
  }

  async function watch(): Promise<void> {
    while (!over && !signal.aborted) {
      // What can't be looked at now may be later: it is no end.
      await look().catch(() => undefined)
      for (let left = lookEveryMs; left > 0 && !over && !signal.aborted; left -= sliceMs)
        await clock.sleep(sliceMs)
    }
  }

  async function keepConsole(after: AwsCalls): Promise<void> {
    await files.write(join(folder, 'console.log'), await consoleOf(after, id), { mode: 0o600 })
  }

  async function powerOff(after: AwsCalls): Promise<void> {
    const now = await lookAtInstance(after, id)
    if (now === null || stateOf(now) === 'terminated') return
    if (!off.includes(stateOf(now))) await after.ec2.send('StopInstances', { InstanceIds: [id], Force: true })
    await awaitInstance({
      calls: after,
      clock,
      signal: new AbortController().signal,
      id,
      wanted: ['stopped', 'terminated'],
      deadlineMs: stopMs,
      update: input.update ?? (() => undefined),
    })
  }

  let stopped: Promise<void> | null = null
  async function stop(): Promise<void> {
    const after = calls.unstopped()
    ssh.close()
    over = true
    tellEnd()
    try {
      await keepConsole(after)
    } finally {
      try {
        await (goesOn ? powerOff(after) : of.remove())
      } finally {
        after.close()
        await files.remove(sockets)
      }
    }
  }

  return {
    get host() {
      return address()
    },
    port,
    link: null,
    scan: scanOf({
      world,
      net,
      calls,
      group: parts.group,
      from,
      always: [sshPort, port, ...forward],
      address,
    }),
    hostKeys: { alias: id, confirm: confirmHostKeys },
    cloud: {
      questions: of.cloud.questions,
      async facts(answers) {
        await confirmHostKeys()
        return of.cloud.facts(answers)
      },
    },
    forwarded: new Map(forward.map((guest) => [guest, guest])),
    async waitForLogin(deadlineMs) {
      const seconds = await awaitGuestLogin({
        world,
        ssh,
        name: of.name,
        user: login.user,
        again: input.again !== undefined,
        poweredOn: of.poweredOn,
        deadlineMs,
        quietMs,
        greeting,
        async isOver() {
          await look()
          return over
        },
        ended,
        async lastWords() {
          const why = sight === null ? '' : reasonOf(sight)
          const said = lastLines(await consoleOf(calls, id), 15)
          return [...(why === '' ? [] : [`EC2 says: ${why}`]), ...ssh.problem(), ...said]
        },
        hint: `its console: aws ec2 get-console-output --instance-id ${id} --region ${calls.region}`,
      })
      hostKeys = 'yes'
      return seconds
    },
    ssh: (command, options) => ssh.run(command, options),
    sshArgv: () => ssh.argv(),
    console: async (lines) => lastLines(await consoleOf(calls, id), lines),
    get ended() {
      if (!watching) {
        watching = true
        void watch()
      }
      return ended
    },
    stop() {
      stopped ??= stop()
      return stopped
    },
    async remove() {
      // What kept it from stopping was told to whoever stopped it; that must keep nothing from being removed.
      stopped ??= stop()
      await stopped.catch(() => undefined)
      await of.remove()
    },
  }
}
