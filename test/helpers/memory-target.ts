import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { Definition } from '../../pipeline/model/definition.ts'
import type { Finished } from '../../pipeline/ports/exec.ts'
import type { Instance, LaunchInput, Link, PortScan } from '../../pipeline/targets/instance.ts'
import type { Target } from '../../pipeline/targets/target.ts'
import type { TestWorld } from './world.ts'

export const check = JSON.stringify({
  schema: 1,
  image: 'debian-13',
  phase: 'sealed',
  results: [{ control: 'sshd-root', status: 'pass', expected: 'no', found: 'no' }],
})

export const finished = (stdout: string): Finished => ({ code: 0, signal: null, stdout, stderr: '' })

export interface Behaviour {
  /** Instances whose name ends so never answer; a second power-on is called `NAME again`, with another clock `NAME again later`. */
  readonly dark?: string
  readonly onLaunch?: (input: LaunchInput) => Promise<void>
  /** What the guest does with a command of the definition's own tests. */
  readonly onCommand?: (command: string, instance: string) => Finished
  readonly forwarded?: ReadonlyMap<number, number>
  readonly tests?: Definition['test']
  /** As in a cloud: no link, no clock of its own, ports asked from here, and facts that only the cloud has. */
  readonly cloud?: boolean
}

export interface Seen {
  readonly launched: LaunchInput[]
  stopped: number
}

const answer = (name: string, text: string, code = 0): string => `@@ ${name}\n${text}\n@@ = ${code}\n`

/** What a good guest says to each of the stage's scripts. */
function said(command: string, script: string | undefined, clock: Date | undefined): string {
  const login =
    answer('user', 'debian') + answer('sudo', '') + answer('root', '0') + answer('state', 'running')
  if (script?.includes('ask lists') === true) {
    const none = '0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.'
    return answer('lists', '') + answer('upgrade', none) + answer('reinstall', '') + answer('packages', '')
  }
  if (script?.includes('ask clock-set') === true) return answer('time-stopped', '') + answer('clock-set', '')
  if (script?.includes('ask full') === true) return answer('full', '/var/log 0')
  if (command.includes('ask clock')) {
    return (
      login +
      answer('clock', String(Math.floor((clock ?? new Date(0)).getTime() / 1000))) +
      answer('failed-units', '')
    )
  }
  if (command.includes('ask state')) return login
  return (
    answer('user', 'debian') + answer('ageing', 'PASS_MAX_DAYS 90\nshadow:90:30:') + answer('check', check)
  )
}

/** A line for each thing that was done with an instance, in order. */
const eventsOf = (folder: string): string => join(folder, 'events')
export const events = (folder: string, instance: string): readonly string[] =>
  readFileSync(eventsOf(folder), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${instance} `))
    .map((line) => line.slice(instance.length + 1))

function kindOf(command: string, script: string | undefined): string {
  if (command.includes('poweroff')) return 'power off'
  if (script?.includes('ask lists') === true) return 'upgrade'
  if (script?.includes('ask full') === true) return 'fill'
  if (script?.includes('ask clock-set') === true) return 'move the clock'
  if (command.includes('ask clock')) return 'look again'
  return command.includes('ask check') ? 'look' : 'other'
}

const scanOf = (happened: (what: string) => void): PortScan => ({
  openUdpPorts: async () => ({ open: [], silent: [], closed: [] }),
  openTcpPorts: async () => {
    happened('scan')
    return [22]
  },
})

const linkOf = (happened: (what: string) => void): Link => ({
  ...scanOf(happened),
  addresses: { ours: '192.0.2.1', instance: '192.0.2.2' },
  serve: () => () => undefined,
  reachable: async () => true,
})

const inCloud = (
  happened: (what: string) => void,
): Pick<Instance, 'link' | 'scan' | 'cloud' | 'hostKeys' | 'remove'> => ({
  link: null,
  hostKeys: { alias: 'i-0123', confirm: async () => happened('confirm host keys') },
  scan: scanOf(happened),
  cloud: {
    questions: 'ask metadata metadata\n',
    facts: async () => [
      { id: 'imds-v2-only', title: 'tokens', status: 'pass', expected: '401', found: '401' },
    ],
  },
  remove: async () => happened('remove'),
})

/** A target whose machines answer from memory and write down what was done with them. */
export function memoryTarget(
  { world, folder }: TestWorld,
  behaviour: Behaviour,
  seen: Seen,
): Pick<Target, 'launch' | 'readDisk' | 'loginUser' | 'guestMirrors' | 'capabilities'> {
  return {
    capabilities: { link: behaviour.cloud !== true, clock: behaviour.cloud !== true },
    loginUser: () => 'debian',
    guestMirrors: async () => ({
      archive: 'http://mirror.test/debian',
      security: 'http://mirror.test/security',
      repos: new Map(),
      proxy: '',
    }),
    async launch(input) {
      seen.launched.push(input)
      await behaviour.onLaunch?.(input)
      const happened = (what: string): void => appendFileSync(eventsOf(folder), `${input.instance} ${what}\n`)
      const kind = input.clock === undefined ? 'today' : 'later'
      happened(
        `power on ${input.again !== undefined ? 'again' : 'new'} ${kind}${input.cutOff === true ? ' cut off' : ''}${input.again === 'forgets' ? ', forgets' : ''}`,
      )
      // Stands for a client that is refused as root and without a key, and let in otherwise.
      const client = join(input.folder, 'client')
      const moved = join(input.folder, 'answers-on-the-moved-day')
      const quoted = said('ask state', undefined, undefined)
      await world.files.write(
        client,
        `#!/bin/sh
case "$*" in
*User=root* | *PreferredAuthentications=none*)
  echo "${input.instance} knock" >>'${eventsOf(folder)}'
  echo "Permission denied (publickey)." >&2
  exit 255
  ;;
esac
echo "${input.instance} new login" >>'${eventsOf(folder)}'
case "$*" in *"ask clock"*) cat '${moved}'; exit ;; esac
cat <<'END'
${quoted}
END
`,
        { mode: 0o755 },
      )
      await world.files.write(join(input.folder, 'console.log'), `${input.instance} login:\n`)
      const instance: Instance = {
        host: '127.0.0.1',
        port: 1,
        ...(behaviour.cloud === true ? inCloud(happened) : { link: linkOf(happened) }),
        waitForLogin: async () => {
          const name = `${input.instance}${input.again !== undefined ? ' again' : ''}${input.clock === undefined ? '' : ' later'}`
          if (behaviour.dark === undefined || !name.endsWith(behaviour.dark)) return 31
          throw new MintmarkError('TOOL_FAILED', 'did not answer', {
            details: ['Kernel panic - not syncing'],
          })
        },
        forwarded: behaviour.forwarded ?? new Map(),
        ssh: async (command, options) => {
          happened(kindOf(command, options?.input))
          const seconds = /date -u -s @(\d+)/.exec(options?.input ?? '')?.[1]
          if (seconds !== undefined)
            await world.files.write(moved, said('ask clock', undefined, new Date(Number(seconds) * 1000)))
          return (
            behaviour.onCommand?.(command, input.instance) ??
            finished(said(command, options?.input, input.clock))
          )
        },
        sshArgv: () => [client],
        console: async () => [],
        ended: Promise.resolve(),
        stop: async () => {
          seen.stopped += 1
        },
      }
      return instance
    },
    async readDisk({ into }) {
      await world.files.write(join(into, 'root/etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\n')
      await world.files.write(join(into, 'root/etc/machine-id'), '')
      await world.files.write(
        join(into, 'root/etc/apt/sources.list'),
        'deb http://deb.debian.org/debian trixie main\n',
      )
      return { root: join(into, 'root'), fileSystems: [] }
    },
  }
}
