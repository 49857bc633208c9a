import { CheckReport } from '../model/hardening.ts'
import { parsedJson } from './parsed-json.ts'
import { ageingFunction } from './password-ageing.ts'

/** Shell function of the scripts below: `ask NAME COMMAND...` prints one answer. */
export const askFunction = `ask() { name=$1; shift; echo "@@ $name"; "$@" 2>&1 </dev/null; code=$?; echo; echo "@@ = $code"; }`

/**
 * One script for all that is asked inside a booted instance: every process in an emulated guest costs 25 ms and
 * every connection a second. POSIX sh; changes nothing. Each answer stands after a line `@@ NAME` and before
 * `@@ = EXIT-CODE`.
 */
export const lookScript = `
${askFunction}
quiet() { "$@" 2>/dev/null; }
listening() { ss -Hltn; }
locked() { sudo -n awk -F: -v user="$(id -un)" '$1 == user { print substr($2, 1, 1) }' /etc/shadow; }
# A strict umask may hide from the user what is no secret.
as_root() { sudo -n "$@" 2>/dev/null || "$@"; }
# Four bytes of attributes, then the value.
secure_boot() { od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c; }
host_keys() { as_root cat /etc/ssh/ssh_host_*_key.pub; }
${ageingFunction}
# The boot's own jobs: done when cloud-init is.
booted() { timeout 180 systemctl is-system-running --wait; }
cloud_result() { as_root cat /run/cloud-init/result.json; }
cloud_status() { as_root cat /run/cloud-init/status.json; }
root_size() {
  source=$(findmnt -no SOURCE /)
  part=/sys/class/block/\${source#/dev/}
  echo "sectors $(cat "$part/size")"
  echo "start $(cat "$part/start")"
  echo "disk $(cat "$part/../size")"
  sudo -n dumpe2fs -h "$source" 2>/dev/null | sed -n 's/^Block count: */blocks /p; s/^Block size: */block /p'
  sudo -n xfs_info / 2>/dev/null | sed -n 's/^data .*bsize=\\([0-9]*\\) *blocks=\\([0-9]*\\),.*/blocks \\2\\nblock \\1/p'
}
ask booted booted
ask user id -un
ask sudo sudo -n id -u
ask password locked
ask ageing ageing
ask machine-id cat /etc/machine-id
ask host-keys host_keys
ask instance-id as_root cat /run/cloud-init/.instance-id
ask os-release cat /etc/os-release
ask cloud-result cloud_result
ask cloud-status cloud_status
ask failed-units systemctl list-units --failed --plain --no-legend --no-pager
ask root-size root_size
ask listening listening
ask listening-udp ss -Hlun
ask secure-boot secure_boot
ask tpm cat /sys/class/tpm/tpm0/tpm_version_major
ask check quiet sudo -n mintmark-check --json
`

export interface Answer {
  readonly text: string
  /** Exit code of what was run. */
  readonly code: number
}

/** Answers by name; one that was cut off is not in it. */
export function parseAnswers(output: string): Readonly<Record<string, Answer>> {
  const answers: Record<string, Answer> = {}
  let name: string | null = null
  let lines: string[] = []
  for (const line of output.split('\n')) {
    const end = /^@@ = (\d+)$/.exec(line)
    const start = /^@@ ([a-z-]+)$/.exec(line)
    if (end !== null) {
      if (name !== null) answers[name] = { text: lines.join('\n').trim(), code: Number(end[1]) }
      name = null
    } else if (start !== null) {
      name = start[1] ?? null
      lines = []
    } else {
      lines.push(line)
    }
  }
  return answers
}

/** os-release(5): variables in shell assignments, quotes taken off. */
export function parseOsRelease(text: string): Readonly<Record<string, string>> {
  const pairs: [string, string][] = []
  for (const line of text.split('\n')) {
    const match = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim())
    if (match === null) continue
    pairs.push([
      match[1] ?? '',
      (match[2] ?? '').replace(/^(["'])(.*)\1$/, '$2').replace(/\\(["'$`\\])/g, '$1'),
    ])
  }
  return Object.fromEntries(pairs)
}

export interface CloudInit {
  readonly done: boolean
  readonly errors: readonly string[]
}

const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : [])
const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

/**
 * From cloud-init's own result.json and status.json, which every version writes: `status` of the command line
 * ends with 2 for mere deprecations, these list real errors. Null when it has not run to its end.
 */
export function parseCloudInit(result: string, status: string): CloudInit | null {
  const ended = record(record(parsedJson(result))['v1'])
  if (!('errors' in ended)) return null
  const stages = Object.values(record(record(parsedJson(status))['v1'])).flatMap((stage) =>
    texts(record(stage)['errors']),
  )
  return { done: true, errors: [...new Set([...texts(ended['errors']), ...stages])] }
}

/** TCP ports that an `ss -Hltn` shows as bound to more than the loopback. */
export function parseListening(text: string): readonly number[] {
  const ports = text.split('\n').flatMap((line) => {
    const local = line.trim().split(/\s+/)[3]
    const match = /^(.*):(\d+)$/.exec(local ?? '')
    if (match === null) return []
    const address = (match[1] ?? '').replace(/^\[|\]$/g, '').replace(/%.*$/, '')
    return /^(?:127\.|::1$|::ffff:127\.)/.test(address) ? [] : [Number(match[2])]
  })
  return [...new Set(ports)].sort((a, b) => a - b)
}

export interface RootSize {
  readonly partitionBytes: number
  readonly fileSystemBytes: number
  /** Where the partition ends on its disk. */
  readonly endBytes: number
  readonly diskBytes: number
}

/** Linux counts in these, whatever the disk's own are. */
const sector = 512

export function parseRootSize(text: string): RootSize | null {
  const number = (name: string): number =>
    Number(new RegExp(`^${name} +(\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  const size: RootSize = {
    partitionBytes: number('sectors') * sector,
    fileSystemBytes: number('blocks') * number('block'),
    endBytes: (number('start') + number('sectors')) * sector,
    diskBytes: number('disk') * sector,
  }
  return Object.values(size).every(Number.isFinite) ? size : null
}

/** What `mintmark-check --json` printed; null when it is not such a report. */
export function parseCheckReport(text: string): CheckReport | null {
  const report = CheckReport.safeParse(parsedJson(text))
  return report.success ? report.data : null
}

/** Ways to log in that a server offers, from an OpenSSH client that tried none; null when it did not say. */
export function parseLoginMethods(stderr: string): readonly string[] | null {
  const match = /Permission denied \(([a-z0-9,-]+)\)/.exec(stderr)
  return match === null ? null : (match[1] ?? '').split(',')
}
