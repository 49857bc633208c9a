import { dayOf } from './image-evidence.ts'
import { compare } from './lists.ts'

/** Enough parts of a version for all that name their images here: 9.6.0, 2023.9. */
const versionParts = 3

/** Numbers of equal meaning: later builds have the greater ones, from the left. */
export type AmiOrder = readonly number[]

/** Where a name stands among those of its owner; null when it is none of them. */
export function amiOrder(name: string, pattern: RegExp): AmiOrder | null {
  const groups = pattern.exec(name)?.groups
  if (groups === undefined) return null
  const version = (groups['version'] ?? '').split('.').map(Number)
  const parts = Array.from({ length: versionParts }, (_, index) => version[index] ?? 0)
  return [...parts, Number(groups['date']), Number(groups['serial'] ?? 0)]
}

/** Below zero when the first is the older one. */
export function compareOrders(a: AmiOrder, b: AmiOrder): number {
  const index = a.findIndex((part, at) => part !== b[at])
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0)
}

/** The day in an image's name as an instant; null when the name is none of the owner's or has no such day. */
export function builtIn(name: string, pattern: RegExp): string | null {
  const digits = pattern.exec(name)?.groups?.['date']
  if (digits === undefined) return null
  try {
    return dayOf(digits)
  } catch {
    return null
  }
}

interface Named {
  readonly Name?: string | undefined
  readonly OwnerId?: string | undefined
  readonly CreationDate?: string | undefined
  readonly ImageId?: string | undefined
}

/**
 * The newest image of an owner with a name of theirs: by what the name says, then by when it was made, then by its id, so that the
 * answer's order does not matter. Null when there is none.
 */
export function newestAmi<T extends Named>(images: readonly T[], account: string, pattern: RegExp): T | null {
  const ours = images.flatMap((image) => {
    const order = image.OwnerId === account ? amiOrder(image.Name ?? '', pattern) : null
    return order === null ? [] : [{ image, order }]
  })
  const [newest] = ours.sort(
    (a, b) =>
      compareOrders(b.order, a.order) ||
      compare(b.image.CreationDate ?? '', a.image.CreationDate ?? '') ||
      compare(a.image.ImageId ?? '', b.image.ImageId ?? ''),
  )
  return newest?.image ?? null
}
