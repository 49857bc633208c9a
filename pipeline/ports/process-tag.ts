import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'

/** A tag inside a name: which machine (since which start of it), which process, begun when. */
const tagged = /(?:^|[^a-z0-9])p([0-9a-f]{6})-([0-9a-z]+)-([0-9a-z]+)/

function firstOf(attempts: readonly (() => string)[]): string {
  for (const attempt of attempts) {
    try {
      return attempt()
    } catch (cause) {
      void cause // not on this kernel, or not for us: the next says it as well
    }
  }
  return ''
}

/** Process ids mean something only within one start of one machine, and within one namespace of it. */
function machineTag(): string {
  const boot = firstOf([() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')])
  const namespace = firstOf([() => readlinkSync('/proc/self/ns/pid')])
  return createHash('sha256').update(`${boot}${namespace}`).digest('hex').slice(0, 6)
}

/** Also true for one that is another user's. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return !(cause instanceof Error && 'code' in cause && cause.code === 'ESRCH')
  }
}

/**
 * When a process began, in ticks since the machine started; null when there is none. A later process with its number began later.
 * NaN for one that is there and can't be looked at: too many files are open here, or /proc hides it (hidepid).
 */
function beginOf(pid: number): number | null {
  const stat = firstOf([() => readFileSync(`/proc/${pid}/stat`, 'utf8')])
  if (stat === '') return isThere(pid) ? Number.NaN : null
  // The name, in brackets, may hold spaces and brackets of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state = ''] = fields
  // A zombie writes nothing any more.
  return state === 'Z' || state === 'X' ? null : Number(fields[19])
}

const machine = machineTag()
const own = `p${machine}-${process.pid.toString(36)}-${(beginOf(process.pid) || 0).toString(36)}`

/** To be part of the name of whatever is this process's alone, so that others can tell when nobody owns it any more. */
export const processTag = (): string => own

/**
 * Whose the thing of this name is: `dead` when its process is over, `elsewhere` when it can't be asked: it is another machine's, of
 * before the last start of this one, or hidden; null when there is no tag in the name.
 */
export function ownerOf(name: string): 'alive' | 'dead' | 'elsewhere' | null {
  const [, where, pid = '', began = ''] = tagged.exec(name) ?? []
  if (where === undefined) return null
  if (where !== machine) return 'elsewhere'
  const since = Number.parseInt(began, 36)
  const now = beginOf(Number.parseInt(pid, 36))
  if (now === null) return 'dead'
  // 0: it could not look at itself.
  if (Number.isNaN(now) || since === 0) return 'elsewhere'
  return now === since ? 'alive' : 'dead'
}
