import type { AmiLock } from '../model/ami.ts'
import type { ResolvedBase } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { Fingerprint } from '../model/release.ts'
import { digestOf } from './digest.ts'

/** Each part is compared by itself, so that a change can be named. */
export interface FingerprintInput {
  readonly base: Fingerprint['base']
  readonly definition: Definition
  /** Digest of the rendered bundle. */
  readonly bundle: string
  /** Tool -> pinned version. */
  readonly tools: Readonly<Record<string, string>>
}

/** What of a definition decides what is built or tested without being in the bundle. */
const fields = ['os', 'disk', 'machine', 'test', 'targets'] as const

/**
 * Digest of what a run works from. Who answers for the image, who may have it and what its channels need reach neither the image
 * nor its tests: changing them starts nothing over.
 */
export function workDigest(definition: Definition): string {
  const { owner: _owner, channels: _channels, ...work } = definition
  return digestOf(work)
}

/** The one place where a fingerprint is made: of what a build depends on but for the archive's packages and the clock. */
export function fingerprintOf(input: FingerprintInput): Fingerprint {
  const { from, digest, name } = input.base
  return {
    base: { from, digest, name },
    bundle: input.bundle,
    definition: Object.fromEntries(fields.map((field) => [field, digestOf(input.definition[field])])),
    tools: { ...input.tools },
  }
}

/**
 * What an archive's lock pins, and the recipe of the bootstrap. The lock's floor and the day of the last look change
 * several times a day and change nothing that is built.
 */
export function pinOfArchive(lock: Readonly<Record<string, unknown>>, recipe: string | null): string {
  const { updated: _updated, floor: _floor, ...pinned } = lock
  return digestOf({ lock: pinned, recipe })
}

/**
 * The AMI in the region of the build: a publisher may bring out the same build again, as another image. What the lock pins in other
 * regions changes nothing that is built.
 */
export const pinOfAmi = (
  { owner, name, built }: Pick<AmiLock, 'owner' | 'name' | 'built'>,
  image: Pick<AmiLock['regions'][string], 'imageId' | 'snapshot'> | undefined,
): string =>
  digestOf({ owner, name, built, imageId: image?.imageId ?? null, snapshot: image?.snapshot ?? null })

/** What a lock pins for a build of that definition. */
export const pinOfAmiLock = (lock: AmiLock, { targets }: Pick<Definition, 'targets'>): string =>
  pinOfAmi(lock, lock.regions[targets.aws?.build.region ?? ''])

/** The same of a base that was resolved, so that a lock or a channel that moves during the build is not taken for it. */
export function pinOfBase(base: ResolvedBase, archive: () => string): Fingerprint['base'] {
  const name = `${base.distribution} ${base.release}`
  switch (base.from) {
    case 'archive':
      return { from: 'archive', digest: archive(), name }
    case 'image':
      return { from: 'image', digest: base.disk.sha256, name }
    case 'ami':
      return { from: 'ami', digest: pinOfAmi(base, base), name }
    case 'parent':
      return { from: 'parent', digest: base.record, name: `${base.image} ${base.imageVersion}` }
  }
}

const short = (digest: string): string => digest.slice(0, 8)

function baseChange(image: string, before: Fingerprint['base'], now: Fingerprint['base']): string | null {
  if (before.from === now.from && before.digest === now.digest) return null
  if (before.from !== now.from) return `the base changed from ${before.from} to ${now.from}`
  if (now.from === 'parent') {
    return before.name === now.name
      ? `the parent ${now.name} has another record (${short(before.digest)} -> ${short(now.digest)})`
      : `the parent ${parentStep(before.name, now.name)}`
  }
  const pins = `${short(before.digest)} -> ${short(now.digest)}`
  return now.from === 'image' || now.from === 'ami'
    ? `images/${image}.lock.json pins another base image (${pins})`
    : `images/${image}.lock.json or the recipe of the bootstrap changed (${pins})`
}

/** `corp-base 1.2.0 -> 1.3.0`, or both in full when the image is another one. */
function parentStep(before: string, now: string): string {
  const [image = '', version = ''] = now.split(' ')
  return before.startsWith(`${image} `) ? `${before} -> ${version}` : `${before} -> ${now}`
}

/** What differs, in words for people; none when the two are equal. */
export function fingerprintChanges(image: string, before: Fingerprint, now: Fingerprint): readonly string[] {
  const base = baseChange(image, before.base, now.base)
  const names = [...new Set([...Object.keys(before.tools), ...Object.keys(now.tools)])].sort()
  const changed = fields.filter((field) => before.definition[field] !== now.definition[field])
  return [
    ...(base === null ? [] : [base]),
    ...(changed.length === 0 ? [] : [`images/${image}.yaml changed: ${changed.join(', ')}`]),
    ...(before.bundle === now.bundle
      ? []
      : [
          `images/${image}.yaml, a file of its content, templates/ or hardening/ changed (bundle ${short(before.bundle)} -> ${short(now.bundle)})`,
        ]),
    ...names
      .filter((name) => before.tools[name] !== now.tools[name])
      .map((name) => `${name} ${before.tools[name] ?? 'none'} -> ${now.tools[name] ?? 'none'}`),
  ]
}
