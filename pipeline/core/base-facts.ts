import type { Ancestor, RecordedBase, ResolvedBase } from '../model/base.ts'
import type { RecordPredicate } from '../model/release.ts'

/** Either form of a base: on this machine, or in a record. */
type AnyBase = ResolvedBase | RecordedBase

/** The instant that a base's age counts from: bootstrapped, built by its publisher, or recorded as a release of ours. */
export function bornOf(base: AnyBase): string {
  switch (base.from) {
    case 'archive':
      return base.bootstrapped
    case 'image':
    case 'ami':
      return base.built
    case 'parent':
      return base.created
  }
}

/** The same in a record: the disk by its digest alone. */
export function recordBase(base: ResolvedBase): RecordedBase {
  if (base.from === 'ami') return base
  const { disk, ...rest } = base
  return { ...rest, diskSha256: disk.sha256 }
}

/** A base in a few words: `debian 13.7`, `ubuntu 24.04-20260926`, `corp-base@1.2.0`. */
export const nameOfBase = (base: AnyBase): string =>
  base.from === 'parent' ? `${base.image}@${base.imageVersion}` : `${base.distribution} ${base.version}`

/** The base and what it stands on itself, the nearest first. */
export function chainOf(base: AnyBase): readonly Ancestor[] {
  const own: Ancestor = {
    from: base.from,
    id: base.from === 'parent' ? base.record : base.id,
    name: nameOfBase(base),
  }
  return base.from === 'parent' ? [own, ...base.ancestry] : [own]
}

/** The release of ours that a recorded image was built on; null when it was made of a publisher's base. */
export function parentOf({ base }: Pick<RecordPredicate, 'base'>): {
  readonly image: string
  readonly version: string
  readonly channel: string
  /** Digest of the parent's record. */
  readonly record: string
  readonly artifact: string
} | null {
  if (base.from !== 'parent') return null
  const { image, imageVersion: version, channel, record, artifact } = base
  return { image, version, channel, record, artifact }
}
