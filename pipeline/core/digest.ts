import { createHash } from 'node:crypto'
import { compare } from './lists.ts'

/** Lower-case hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** JSON with sorted keys and no spaces: the same value always has the same bytes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => compare(a, b)))
  })
}

export const digestOf = (value: unknown): string => sha256(canonicalJson(value))
