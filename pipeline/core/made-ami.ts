import type { AmiArtifact } from '../model/artifact.ts'
import type { Arch } from '../model/ids.ts'
import { ec2Arch } from './ami-owners.ts'
import { digestOfAmi } from './artifact.ts'
import { compare } from './lists.ts'

/** One snapshot of an image, as EC2 has it. */
export interface SeenSnapshot {
  readonly id: string
  readonly state: string
  readonly encrypted: boolean
  /** ARN; null: EC2 tells none. */
  readonly key: string | null
  /** Of its volume. */
  readonly gib: number
  /** What it takes to keep it; null: EC2 does not tell. */
  readonly bytes: number | null
  readonly tags: Readonly<Record<string, string>>
}

/** An image of our own, with all that is to be judged of it. */
export interface SeenAmi {
  readonly imageId: string
  readonly region: string
  readonly owner: string
  readonly name: string
  /** available, pending, failed, ... */
  readonly state: string
  /** As EC2 names it. */
  readonly architecture: string
  readonly imds: string | null
  readonly tags: Readonly<Record<string, string>>
  /** Everybody who may launch it or read a disk of it, for people. */
  readonly sharedWith: readonly string[]
  /** The root's first. */
  readonly snapshots: readonly SeenSnapshot[]
}

/** What the image of a build has to be. */
export interface WantedAmi {
  readonly account: string
  readonly name: string
  readonly arch: Arch
  /** ARN. */
  readonly key: string
  readonly tags: Readonly<Record<string, string>>
}

const missingTags = (has: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>) =>
  Object.entries(wanted)
    .filter(([key, value]) => has[key] !== value)
    .map(([key]) => key)

/** Everything in which an image is not what a build was to make; but for who it is shared with. */
export function amiProblems(seen: SeenAmi, wanted: WantedAmi): readonly string[] {
  const { imageId, snapshots } = seen
  const problems: string[] = []
  const expect = (what: string, found: string | null, expected: string): void => {
    if (found !== expected) problems.push(`${what} is ${found ?? 'not told'}, expected ${expected}`)
  }
  expect(`the owner of ${imageId}`, seen.owner, wanted.account)
  expect(`the name of ${imageId}`, seen.name, wanted.name)
  expect(`the architecture of ${imageId}`, seen.architecture, ec2Arch(wanted.arch))
  expect(`the metadata service of ${imageId}`, seen.imds, 'v2.0')
  if (snapshots.length === 0) problems.push(`${imageId} has no disk`)
  for (const { id, state, encrypted, key } of snapshots) {
    expect(`the state of ${id}`, state, 'completed')
    if (!encrypted) problems.push(`${id} is not encrypted`)
    else expect(`the key of ${id}`, key, wanted.key)
  }
  for (const { id, tags } of [{ id: imageId, tags: seen.tags }, ...snapshots]) {
    const missing = missingTags(tags, wanted.tags)
    if (missing.length > 0) problems.push(`${id} lacks the tags ${missing.join(', ')}`)
  }
  return problems
}

const gibibyte = 2 ** 30

/** The artifact that the image is. */
export function amiArtifact(seen: SeenAmi, arch: Arch): AmiArtifact {
  const { imageId, region, owner: account, snapshots } = seen
  const snapshotIds = snapshots.map(({ id }) => id).sort(compare)
  const ids = { account, region, imageId, snapshotIds }
  const [root] = snapshots
  return {
    format: 'ami',
    ...ids,
    architecture: arch,
    sha256: digestOfAmi(ids),
    bytes: snapshots.reduce((sum, { bytes, gib }) => sum + (bytes ?? gib * gibibyte), 0),
    virtualBytes: (root?.gib ?? 0) * gibibyte,
  }
}

/** What an image is now instead of the artifact that was recorded; null while it is the same, and not everybody's. */
export function amiChange(artifact: AmiArtifact, seen: SeenAmi | null): string | null {
  const { account, imageId, snapshotIds } = artifact
  if (seen === null) return `${imageId} is gone`
  if (seen.state !== 'available') return `${imageId} is ${seen.state}`
  if (seen.owner !== account) return `${imageId} is of account ${seen.owner}`
  const now = seen.snapshots.map(({ id }) => id).sort(compare)
  if (now.join() !== [...snapshotIds].sort(compare).join())
    return `${imageId} has the disks ${now.join(', ')}`
  const lost = seen.snapshots.find(({ state }) => state !== 'completed')
  if (lost !== undefined) return `${lost.id} of ${imageId} is ${lost.state}`
  if (seen.sharedWith.some((whom) => whom.endsWith(`: ${everybody}`))) return `${imageId} is public`
  return null
}

/** How `sharedWith` names the group that everybody is in. */
export const everybody = 'all'
