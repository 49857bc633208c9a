import type { AmiAncestor, AmiLock, RegionalAmi } from '../model/ami.ts'
import { type DescribedImage, instantOf, rootOf } from './ami-evidence.ts'
import { ec2Arch } from './ami-owners.ts'
import { canonicalJson } from './digest.ts'

/** Aliases of owners whose images are nobody's official base. */
const foreignAliases: readonly (string | null)[] = ['aws-marketplace', 'aws-backup-vault']

/**
 * What is wrong with where an image came from. The chain begins with the image itself and goes to its root; of an owner it only has
 * the alias.
 */
export function ancestryProblems(chain: readonly AmiAncestor[], imageId: string): readonly string[] {
  const [first] = chain
  if (first === undefined) return []
  if (first.imageId !== imageId)
    return [`the ancestry is of ${first.imageId}, and ${imageId} was asked about`]
  return chain.flatMap((entry, index) => {
    const next = chain[index + 1]
    const source = entry.source?.imageId
    return [
      ...(foreignAliases.includes(entry.alias) ? [`its ancestor ${entry.imageId} is of ${entry.alias}`] : []),
      ...(next !== undefined && next.imageId !== source
        ? [
            `its ancestry is broken: after ${entry.imageId}, of ${source ?? 'no source'}, comes ${next.imageId}`,
          ]
        : []),
    ]
  })
}

/**
 * Every pinned field that is not as the lock has it. An AMI and its snapshot are never written to, so that each of them means another
 * image. What may change without that is judged anew: when it is to be deprecated, and the alias, which AWS gives an account. The
 * ancestry is told as far as an image can still be told of: it may become shorter, and says no other thing.
 */
export function amiDrift(
  lock: AmiLock,
  pinned: RegionalAmi,
  image: DescribedImage,
  ancestry: readonly AmiAncestor[] | null,
): readonly string[] {
  const fields: readonly (readonly [field: string, pinned: unknown, found: unknown])[] = [
    ['image id', pinned.imageId, image.ImageId],
    ['owner', lock.owner, image.OwnerId],
    ['name', lock.name, image.Name],
    ['creation date', pinned.created, instantOf(image.CreationDate)],
    ['root snapshot', pinned.snapshot, rootOf(image)?.SnapshotId],
    ['architecture', ec2Arch(lock.arch), image.Architecture],
    ['boot mode', lock.bootMode, image.BootMode ?? null],
    ['virtualization', lock.virtualization, image.VirtualizationType],
    ['root device', lock.rootDevice, image.RootDeviceType],
    ['ENA support', lock.ena, image.EnaSupport],
    ['platform details', lock.platformDetails, image.PlatformDetails],
    ['usage operation', lock.usageOperation, image.UsageOperation],
  ]
  const drifted = fields
    .filter(([, before, now]) => before !== now)
    .map(([field, before, now]) => `${field} is ${now ?? 'not told'}, and ${before ?? 'none'} is pinned`)
  return pinned.ancestry !== null && ancestry !== null && !agree(pinned.ancestry, ancestry)
    ? [...drifted, `ancestry is ${lineOf(ancestry)}, and ${lineOf(pinned.ancestry)} is pinned`]
    : drifted
}

function agree(before: readonly AmiAncestor[], now: readonly AmiAncestor[]): boolean {
  const shorter = Math.min(before.length, now.length)
  const told = (chain: readonly AmiAncestor[]): string =>
    canonicalJson(chain.slice(0, shorter).map(({ imageId, source }) => ({ imageId, source })))
  return told(before) === told(now)
}

const lineOf = (chain: readonly AmiAncestor[] | null): string =>
  (chain ?? []).map((entry) => entry.imageId).join(' < ')
