import { compare } from './lists.ts'

/** A run of the nightly workflow with the jobs of its last attempt. */
export interface Night {
  /** When it was started, ISO 8601. */
  readonly at: string
  readonly jobs: readonly NightJob[]
}

export interface NightJob {
  readonly name: string
  readonly url: string
  /** As GitHub names it; null while it is at work. */
  readonly conclusion: string | null
}

/** A job that failed in each of the last nights that had it. */
export interface Streak {
  /** The job's name; of a called workflow, without the caller's. */
  readonly job: string
  readonly nights: number
  /** When the first of these nights was started. */
  readonly since: string
  /** True: no older night with this job was looked at, so that it may be longer. */
  readonly atLeast: boolean
  /** Page of the newest failed job, with its log. */
  readonly url: string
}

/** From how many nights on it is no accident of one night. */
const fromNights = 2

const failed = ['failure', 'timed_out', 'startup_failure']

/** What ended in neither way (skipped, cancelled, at work) counts like a night without the job. */
function endOf({ conclusion }: NightJob): 'failed' | 'passed' | null {
  if (conclusion === 'success') return 'passed'
  return conclusion !== null && failed.includes(conclusion) ? 'failed' : null
}

/** A called workflow's job is named `CALLER / JOB`. */
const ownName = (name: string): string => name.split(' / ').at(-1) ?? name

/** @param nights the newest first */
export function streaksOf(nights: readonly Night[]): readonly Streak[] {
  const open = new Map<string, Streak>()
  const ended = new Set<string>()
  for (const { at, jobs } of nights) {
    for (const job of jobs) {
      const name = ownName(job.name)
      const end = endOf(job)
      if (end === null || ended.has(name)) continue
      const before = open.get(name)
      if (end === 'passed') {
        ended.add(name)
        if (before !== undefined) open.set(name, { ...before, atLeast: false })
      } else
        open.set(name, {
          job: name,
          nights: (before?.nights ?? 0) + 1,
          since: at,
          atLeast: true,
          url: before?.url ?? job.url,
        })
    }
  }
  return [...open.values()]
    .filter((streak) => streak.nights >= fromNights)
    .sort((a, b) => compare(a.job, b.job))
}
