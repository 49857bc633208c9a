import { dayMs } from './days.ts'

/** Debian's own 99999 and the like mean never. */
const never = 10_000
/** At least so far: a year and what a year's mistakes need to show. */
const leastDays = 400
/** Beyond the last day of the longest limit. */
const marginDays = 30

/** Functions of a script that print what limits the age of passwords: settings and the columns of shadow(5), never a hash. */
export const ageingFunction = `
ageing() {
  as_root grep -hE '^[[:space:]]*(PASS_MAX_DAYS|INACTIVE|EXPIRE)[[:space:]=]' /etc/login.defs /etc/default/useradd
  sudo -n awk -F: '{ print "shadow:" $5 ":" $7 ":" $8 }' /etc/shadow
}`

const finite = (text: string | undefined): number => {
  const days = text === undefined || !/^\d+$/.test(text) ? 0 : Number(text)
  return days < never ? days : 0
}

/**
 * Days from now after which every limit on passwords and accounts that the image knows has passed.
 * @param text what the function `ageing` printed
 */
export function daysPastAgeing(text: string, now: Date): number {
  const setting = (name: string): string | undefined =>
    [...text.matchAll(new RegExp(`^\\s*${name}[\\s=]+"?([^\\s"]*)`, 'gm'))].at(-1)?.[1]
  const today = Math.floor(now.getTime() / dayMs)
  const rows = [...text.matchAll(/^shadow:(\d*):(\d*):(\d*)$/gm)].map(([, max, inactive, expires]) =>
    Math.max(finite(max) + finite(inactive), finite(String(Number(expires ?? '') - today))),
  )
  const made = finite(setting('PASS_MAX_DAYS')) + finite(setting('INACTIVE'))
  const expires = Math.ceil((Date.parse(setting('EXPIRE') ?? '') - now.getTime()) / dayMs)
  return Math.max(leastDays, ...rows.concat(made, expires > 0 && expires < never ? expires : 0)) + marginDays
}
