const two = (value: number): string => String(value).padStart(2, '0')

/** An instant for people, in the zone of this machine: `2026-11-22 14:02 +08:00`. */
export function localTime(instant: string): string {
  const at = new Date(instant)
  const offset = -at.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())} ${zone}`
}
