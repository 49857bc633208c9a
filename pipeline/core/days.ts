const dayMs = 86_400_000

/** The last moment of a calendar day, in UTC. */
const endOf = (day: string): number => Date.parse(`${day}T23:59:59.999Z`)

/** A calendar day holds to its end in UTC. */
export const dayHolds = (day: string, now: Date): boolean => now.getTime() <= endOf(day)

/** Whole days from today (UTC) to that day; below zero for one that is over, NaN for text that is no day. */
export const daysUntil = (day: string, now: Date): number =>
  Math.floor(endOf(day) / dayMs) - Math.floor(now.getTime() / dayMs)
