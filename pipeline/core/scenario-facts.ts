import type { Fact } from '../model/stages.ts'
import { dayMs } from './days.ts'
import type { Answer } from './ssh-answers.ts'
import { fail, judgeAnswer, judged, pass, short, unknown, type Verdict, worstOf } from './verdict.ts'

/** A machine that went on with an instance's disk: who could log in, and what was answered. */
export interface AgainSeen {
  /** From power-on; null when nobody could log in, and `problem` says what its console said last. */
  readonly secondsToLogin: number | null
  readonly problem: string
  readonly answers: Readonly<Record<string, Answer>>
}

export interface UpgradeSeen {
  /** Of the upgrade itself, without an address of a mirror. */
  readonly answers: Readonly<Record<string, Answer>>
  readonly reboot: AgainSeen
}

/** One step of filling the disk, and a new login after it. */
export interface FullSeen {
  readonly filled: Readonly<Record<string, Answer>>
  readonly login: Omit<AgainSeen, 'secondsToLogin'>
}

export interface LaterSeen {
  /** What the machine's clock was set to. */
  readonly clock: Date
  readonly days: number
  /** False when the instance did not tell its limits: the clock may not be past them. */
  readonly limitsKnown: boolean
  /** How the disk was filled before that, on the first day. */
  readonly full: readonly FullSeen[]
  /** On that day, with the full disk. */
  readonly again: AgainSeen
  /** The clock was moved in the running machine; else it was so at power-on. */
  readonly moved?: boolean
  /** Today, with the full disk; null when all was well on that day, which shows it for today too. */
  readonly today: AgainSeen | null
}

export interface ScenariosSeen {
  /** Null: no instance came up that could have gone through it. */
  readonly upgraded: UpgradeSeen | null
  readonly later: LaterSeen | null
}

interface Wanted {
  readonly user: string
}

/** What a clock may lose between power-on and the answer, or gain by the time of its region. */
const clockSlackMs = dayMs
/** Blocks that somebody else gave back while it was filled. */
const fullBytes = 2 ** 20

const never = unknown('no instance came up that could be looked at')
const nobody = (seen: Pick<AgainSeen, 'problem'>): Verdict =>
  fail(`nobody could log in: ${short(seen.problem)}`)

function loginVerdict(answers: AgainSeen['answers'], { user }: Wanted): Verdict {
  return judgeAnswer(answers, 'user', (text) => judged(text === user, `as ${short(text)}`))
}

function rootVerdict(answers: AgainSeen['answers']): Verdict {
  return judgeAnswer(answers, 'sudo', (said, code) =>
    code !== 0
      ? fail(`sudo says: ${short(said)}`)
      : judgeAnswer(answers, 'root', (uid) => judged(uid === '0', uid === '0' ? 'sudo works' : short(uid))),
  )
}

/** A machine that halts itself still answers for some seconds. */
function stays(answers: AgainSeen['answers']): Verdict {
  return judgeAnswer(answers, 'state', (state) =>
    state === 'stopping' ? fail('it is shutting itself down') : pass('it stays up'),
  )
}

function worksVerdict(answers: AgainSeen['answers'], wanted: Wanted): Verdict {
  const worst = worstOf([stays(answers), loginVerdict(answers, wanted), rootVerdict(answers)])
  return worst.status === 'pass' ? pass('login and sudo work') : worst
}

/** Whether that machine let its user in, and let it become root. */
export const worksAgain = (seen: AgainSeen, wanted: Wanted): boolean =>
  seen.secondsToLogin !== null && worksVerdict(seen.answers, wanted).status === 'pass'

const isoDay = (date: Date): string => date.toISOString().slice(0, 10)

function clockVerdict({ clock, again, limitsKnown, moved }: LaterSeen): Verdict {
  if (!limitsKnown) return unknown('the limits on passwords could not be read')
  if (again.secondsToLogin === null) return unknown('nobody could log in to look')
  return judgeAnswer(again.answers, 'clock', (text) => {
    const seconds = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (Number.isNaN(seconds)) return unknown(short(text))
    const shown = new Date(seconds * 1000)
    const how = moved === true ? ', set in the running machine' : ''
    return judged(Math.abs(shown.getTime() - clock.getTime()) < clockSlackMs, `${isoDay(shown)}${how}`)
  })
}

/** What was seen on that day counts when the clock really was that far, and when it is not the full disk's doing. */
function onThatDay(later: LaterSeen, wanted: Wanted, judge: () => Verdict): Verdict {
  if (later.today !== null && !worksAgain(later.today, wanted)) {
    return unknown('the machine with the full disk was not well today either')
  }
  if (later.again.secondsToLogin === null) return nobody(later.again)
  const clock = clockVerdict(later)
  return clock.status === 'pass' ? judge() : unknown(`the clock was not past the limits: ${clock.found}`)
}

function fullRebootVerdict({ full, again, today }: LaterSeen, wanted: Wanted): Verdict {
  if (full.length === 0) return unknown('the disk was not filled')
  const seen = today ?? again
  if (seen.secondsToLogin === null) return nobody(seen)
  const works = worksVerdict(seen.answers, wanted)
  const filled = fullVerdict(full, wanted)
  return works.status === 'pass' && filled.status === 'unknown' ? filled : works
}

function fullVerdict(full: readonly FullSeen[], wanted: Wanted): Verdict {
  if (full.length === 0) return unknown('the disk was not filled')
  const verdicts = full.map(({ filled, login }) =>
    judgeAnswer(filled, 'full', (text) => {
      const rows = text.split('\n').map((row) => /^(\/\S*) (\d+)$/.exec(row.trim()))
      const free = rows.find((row) => row === null || Number(row[2]) > fullBytes)
      if (free !== undefined || rows.length === 0) return unknown(`it could not be filled: ${short(text)}`)
      const where = rows.map((row) => row?.[1] ?? '').join(', ')
      if (login.problem !== '') return fail(`${where} full: ${short(login.problem)}`)
      const works = worksVerdict(login.answers, wanted)
      return { ...works, found: `${where} full: ${works.found}` }
    }),
  )
  const worst = worstOf(verdicts)
  return worst.status === 'pass' ? pass(verdicts.map(({ found }) => found).join('; ')) : worst
}

const lastError = (text: string): string => {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return short([...lines].reverse().find((line) => line.startsWith('E: ')) ?? lines.at(-1) ?? '')
}

const unreachable =
  /^E: (?:Unable to fetch|Failed to fetch|Some index files failed to download)|^(?:Error: )?(?:Error downloading packages|Failed to download)/m

function upgradeVerdict({ answers }: UpgradeSeen): Verdict {
  return judgeAnswer(answers, 'lists', (lists, listsCode) => {
    if (listsCode !== 0) {
      const why = lastError(lists)
      return unknown(`the package lists could not be read (is the mirror there? ./mintmark doctor): ${why}`)
    }
    const steps = ['upgrade', 'reinstall'].map((name) =>
      judgeAnswer(answers, name, (text, code) => {
        if (code === 0) return pass(/^\d+ upgraded, .*$/m.exec(text)?.[0] ?? '')
        return (unreachable.test(text) ? unknown : fail)(lastError(text))
      }),
    )
    const broken = judgeAnswer(answers, 'packages', (text, code) =>
      code === 0 && text === '' ? pass('') : fail(`packages are broken: ${short(text)}`),
    )
    const worst = worstOf([...steps, broken])
    if (worst.status !== 'pass') return worst
    const again = answers['reinstall']?.text === 'not needed' ? '' : '; the SSH server was reinstalled'
    return pass(`${(steps[0]?.found ?? '').replace(/\.$/, '')}${again}`)
  })
}

function rebootVerdict({ reboot }: UpgradeSeen, wanted: Wanted): Verdict {
  if (reboot.secondsToLogin === null) return nobody(reboot)
  const units = judgeAnswer(reboot.answers, 'failed-units', (text, code) => {
    if (code !== 0) return unknown(short(text))
    return text === '' ? pass('no failed unit') : fail(`failed: ${short(text)}`)
  })
  const worst = worstOf([worksVerdict(reboot.answers, wanted), units])
  return worst.status === 'pass' ? pass('login and sudo work, no failed unit') : worst
}

/** Facts about what instances go through: an upgrade, a year and more, a full disk; pure. */
export function scenarioFacts({ upgraded, later }: ScenariosSeen, wanted: Wanted): readonly Fact[] {
  const ofLater = (judge: (seen: LaterSeen) => Verdict): Verdict => (later === null ? never : judge(later))
  const ofUpgrade = (judge: (seen: UpgradeSeen) => Verdict): Verdict =>
    upgraded === null ? never : judge(upgraded)
  const days = later === null ? 'after the longest password age' : `after ${later.days} days`
  return [
    {
      id: 'upgrade-works',
      title: 'an instance can be upgraded',
      expected: 'the package lists and the upgrade end well',
      ...ofUpgrade(upgradeVerdict),
    },
    {
      id: 'reboot-login',
      title: 'an upgraded instance comes up again',
      expected: `${wanted.user} logs in, sudo works, no failed unit`,
      ...ofUpgrade((seen) => rebootVerdict(seen, wanted)),
    },
    {
      id: 'later-clock',
      title: "the clock was past every limit on passwords' age",
      expected: later === null ? 'a later day' : isoDay(later.clock),
      ...ofLater(clockVerdict),
    },
    {
      id: 'later-login',
      title: `${wanted.user} can log in ${days}`,
      expected: 'a login by SSH with the same key',
      ...ofLater((seen) => onThatDay(seen, wanted, () => loginVerdict(seen.again.answers, wanted))),
    },
    {
      id: 'later-root',
      title: `${wanted.user} can become root ${days}`,
      expected: 'sudo without a password',
      ...ofLater((seen) => onThatDay(seen, wanted, () => rootVerdict(seen.again.answers))),
    },
    {
      id: 'full-login',
      title: 'a full disk shuts nobody out',
      expected: 'a new login and sudo, with the file systems of audit and system full',
      ...ofLater((seen) => fullVerdict(seen.full, wanted)),
    },
    {
      id: 'full-reboot-login',
      title: 'a machine with a full disk comes up again',
      expected: `${wanted.user} logs in, sudo works`,
      ...ofLater((seen) => fullRebootVerdict(seen, wanted)),
    },
  ]
}
