const two = (value: number): string => String(value).padStart(2, '0')

const instants = /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g

/** A text of a stage, which names instants in UTC, for people. */
export const withLocalTimes = (text: string): string => text.replace(instants, localTime)

/** An instant for people, in the zone of this machine: `2026-11-22 14:02 +08:00`. */
export function localTime(instant: string): string {
  const at = new Date(instant)
  const offset = -at.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())} ${zone}`
}
