import type { TargetLock } from '../model/base.ts'
import { dayMs } from './days.ts'
import { canonicalJson } from './digest.ts'

/** What a lock pins, without what changes at each look: equal text, equal base. */
export const pinnedOf = (lock: TargetLock): string =>
  canonicalJson({
    ...lock,
    updated: '',
    ...(lock.from === 'image' && lock.signature !== null
      ? { signature: { ...lock.signature, checked: '' } }
      : {}),
  })

/**
 * The instant that a lock's age counts from. An archive serves whatever it has on the day of the build, and what it had when its
 * floors were moved last is the oldest that could be: suites are signed anew at different times, so the newest floor says when.
 */
export const bornOfLock = (lock: TargetLock): string =>
  lock.from === 'archive' ? (Object.values(lock.floor).sort().at(-1) ?? lock.updated) : lock.built

/**
 * What people are asked to look at: equal text, nothing new to them. An archive is signed anew several times a day, and its floors only
 * keep it from going back: they count once a week. A file of the team's own is as old as its checkout: its bytes alone count.
 */
export function reviewedOf(lock: TargetLock): string {
  if (lock.from === 'archive') {
    const week = Math.floor(Date.parse(bornOfLock(lock)) / (7 * dayMs))
    return canonicalJson({ ...lock, updated: '', floor: { week } })
  }
  return pinnedOf(lock.publisher === 'local' && lock.from === 'image' ? { ...lock, built: '' } : lock)
}
