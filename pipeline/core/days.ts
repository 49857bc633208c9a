export const dayMs = 86_400_000
export const hourMs = 3_600_000
/** Clocks of two machines may differ by this much. */
export const skewHours = 1

/** The last moment of a calendar day, in UTC. */
const endOf = (day: string): number => Date.parse(`${day}T23:59:59.999Z`)

/** A calendar day holds to its end in UTC. */
export const dayHolds = (day: string, now: Date): boolean => now.getTime() <= endOf(day)

/** Whole days from today (UTC) to that day; below zero for one that is over, NaN for text that is no day. */
export const daysUntil = (day: string, now: Date): number =>
  Math.floor(endOf(day) / dayMs) - Math.floor(now.getTime() / dayMs)

/** Whole days since then; NaN for text that is no date. */
export const daysSince = (from: string, now: Date): number =>
  Math.floor((now.getTime() - Date.parse(from)) / dayMs)

/** Hours since then; NaN for text that is no date. */
export const ageHours = (then: string, now: Date): number => (now.getTime() - Date.parse(then)) / hourMs

/** Neither older than this many hours nor of a future that no clock's error explains. */
export const isFresh = (then: string, now: Date, mostHours: number): boolean => {
  const age = ageHours(then, now)
  return age >= -skewHours && age <= mostHours
}
