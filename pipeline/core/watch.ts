import { MintmarkError } from '../errors.ts'
import type { LifecycleRow } from '../model/lifecycle.ts'
import { dayMs, daysUntil } from './days.ts'
import type { Streak } from './failure-streaks.ts'
import { judgeLifecycle } from './lifecycle.ts'
import { compare } from './lists.ts'

export type ConcernKind =
  | 'definition'
  | 'base'
  | 'end-of-life'
  | 'channel'
  | 'exception'
  | 'waiver'
  | 'failing'
  | 'no-run'

/** Something that a person has to look at. */
export interface Concern {
  readonly kind: ConcernKind
  /** `overdue`: past its limit; `soon`: it will be; `unseen`: nobody could look. */
  readonly state: 'overdue' | 'soon' | 'unseen'
  /** Null for what is of no image or of all. */
  readonly image: string | null
  /** Target and architecture, e.g. `qemu-x86_64`; null for what is of all of an image. */
  readonly variant: string | null
  /** Dates instead of ages: the same facts are the same text tomorrow. */
  readonly text: string
  /** A command or what to edit. */
  readonly mend: string
  /** A page that tells more. */
  readonly link: string | null
}

/** What a concern is about. */
export type Subject = Pick<Concern, 'image' | 'variant'>

/** A base is told of from this part of its age on: then there is time to review a newer one. */
const nearAge = 0.8
const nearEndOfLifeDays = 90
const nearExpiryDays = 14
const mostDaysWithoutRun = 2

/** `90d` as days. */
const daysOf = (age: string): number => Number.parseInt(age, 10)

const dayOf = (instant: string): string => instant.slice(0, 10)

/** The last day of an age that began then. */
const lastDayOf = (born: string, days: number): string =>
  dayOf(new Date(Date.parse(born) + days * dayMs).toISOString())

/** Days and parts of them; NaN for text that is no date. */
const ageDays = (born: string, now: Date): number => (now.getTime() - Date.parse(born)) / dayMs

/** Text of a problem as a concern: what it is about was not looked at. */
export function unseen(kind: ConcernKind, subject: Subject, error: MintmarkError): Concern {
  const text = [error.message, ...error.lines].join(' · ')
  return { kind, state: 'unseen', ...subject, text, mend: error.hint, link: null }
}

/** What a lock or a parent's channel gives to build on. */
export interface AgeingBase extends Subject {
  readonly name: string
  /** The instant that its age counts from. */
  readonly born: string
  /** As the definition has it, e.g. `90d`. */
  readonly maxAge: string
  readonly mend: string
}

/** A base that is, or soon will be, older than its definition allows. */
export function baseConcerns(base: AgeingBase, now: Date): readonly Concern[] {
  const { name, born, maxAge, mend, image, variant } = base
  const days = daysOf(maxAge)
  const age = ageDays(born, now)
  if (age < days * nearAge) return []
  const last = lastDayOf(born, days)
  const state = age > days ? 'overdue' : 'soon'
  const text = `its base ${name} of ${dayOf(born)} is too old ${state === 'soon' ? `after ${last}` : `since ${last}`} (base.maxAge: ${maxAge})`
  return [{ kind: 'base', state, image, variant, text, mend, link: null }]
}

/** A release of an operating system that is, or soon will be, without updates. */
export function lifecycleConcerns(
  {
    image,
    os,
    row,
  }: {
    readonly image: string
    readonly os: { readonly family: string; readonly release: string }
    readonly row: LifecycleRow | null
  },
  now: Date,
): readonly Concern[] {
  const subject = { kind: 'end-of-life', image, variant: null, link: null } as const
  try {
    judgeLifecycle(os, now, `images/${image}.yaml`)
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    return [{ ...subject, state: 'overdue', text: cause.message, mend: cause.hint }]
  }
  if (row === null) return []
  // Extended support is nothing that a base is accepted by.
  const last = row.lts ?? row.regular
  if (daysUntil(last, now) > nearEndOfLifeDays) return []
  const text = `${os.family} ${os.release} gets updates until ${last} (${row.source})`
  const mend = `move images/${image}.yaml to a newer os.release`
  return [{ ...subject, state: 'soon', text, mend }]
}

/** What a channel points to. */
export interface AgeingChannel {
  readonly image: string
  readonly variant: string
  readonly channel: string
  readonly version: string
  /** When the release was made. */
  readonly created: string
  /** The oldest release that this channel may point to, e.g. `45d`, and the setting that says so. */
  readonly most: string
  readonly setting: string
  /** What nightly points to, where that is another release. */
  readonly nightly: { readonly version: string; readonly created: string } | null
}

/** A channel whose release is older than it should be, by its own age: it is never further behind nightly than that. */
export function channelConcerns(channel: AgeingChannel, now: Date): readonly Concern[] {
  const { image, variant, channel: name, version, created, most, setting, nightly } = channel
  if (ageDays(created, now) <= daysOf(most)) return []
  const newer = nightly !== null && Date.parse(nightly.created) > Date.parse(created) ? nightly : null
  const behind = newer === null ? '' : `; nightly has ${newer.version} of ${dayOf(newer.created)}`
  const text = `${name} points to ${version} of ${dayOf(created)}, too old since ${lastDayOf(created, daysOf(most))} (${setting}: ${most})${behind}`
  const mend =
    newer === null
      ? `./mintmark release ${image}`
      : `./mintmark promote ${image}@${newer.version} ${name} --dry-run`
  return [{ kind: 'channel', state: 'overdue', image, variant, text, mend, link: null }]
}

/** An exception or a waiver that has ended, or soon will. */
export function endingConcern(
  {
    kind,
    image,
    what,
    expires,
    owner,
    file,
  }: {
    readonly kind: 'exception' | 'waiver'
    readonly image: string | null
    readonly what: string
    /** The last day that it holds. */
    readonly expires: string
    readonly owner: string
    readonly file: string
  },
  now: Date,
): readonly Concern[] {
  const left = daysUntil(expires, now)
  if (left > nearExpiryDays) return []
  const state = left < 0 ? 'overdue' : 'soon'
  const text = `the ${kind} for ${what} ${state === 'overdue' ? 'ended with' : 'ends with'} ${expires} (${owner})`
  const mend = `mend what it is for, or have ${owner} answer for it anew in ${file}`
  return [{ kind, state, image, variant: null, text, mend, link: null }]
}

/**
 * A job that fails night after night.
 * @param subject the variant that the job builds; of no image for jobs that build none
 */
export function streakConcern(streak: Streak, subject: Subject): Concern {
  const { job, nights, since, atLeast, url } = streak
  const what = subject.image === null ? `the job ${job}` : 'its job'
  const text = `${what} failed in each of the last ${nights} nights that had it, since ${dayOf(since)}${atLeast ? ' or longer' : ''}`
  return { kind: 'failing', state: 'overdue', ...subject, text, mend: 'read the newest log', link: url }
}

/**
 * A workflow that nobody started for days: GitHub drops schedules in busy hours, and disables those of a public repository in which
 * nothing happened for 60 days.
 * @param newest when its newest run on the branch was started; null when there is none
 */
export function runConcerns(
  {
    workflow,
    branch,
    newest,
  }: { readonly workflow: string; readonly branch: string; readonly newest: string | null },
  now: Date,
): readonly Concern[] {
  if (newest !== null && ageDays(newest, now) <= mostDaysWithoutRun) return []
  const text = `${workflow} ${newest === null ? 'was never run' : `was last run on ${dayOf(newest)}`} (branch ${branch})`
  const mend = `gh workflow enable ${workflow} && gh workflow run ${workflow}`
  return [{ kind: 'no-run', state: 'overdue', image: null, variant: null, text, mend, link: null }]
}

const states = ['overdue', 'unseen', 'soon'] as const

/** What is worst first, then by image, variant and kind. */
export const inOrder = (concerns: readonly Concern[]): readonly Concern[] =>
  [...concerns].sort(
    (a, b) =>
      states.indexOf(a.state) - states.indexOf(b.state) ||
      compare(a.image ?? '', b.image ?? '') ||
      compare(a.variant ?? '', b.variant ?? '') ||
      compare(a.kind, b.kind) ||
      compare(a.text, b.text),
  )
