import { compare } from './lists.ts'
import type { Problem } from './share-plan.ts'

/** What marks an image and its snapshots as a release, or as a copy of one: the digest of the artifact. */
export const sourceTag = 'mintmark:source'

/** The one name that a release has in every region. */
export const amiName = (image: string, version: string, arch: string): string =>
  `mintmark/${image}/${version}/${arch}`

/** Where consumers of the account that publishes look an image up: by a channel, or by a version. */
export const parameterName = (image: string, arch: string, pointer: string): string =>
  `/mintmark/${image}/${arch}/${pointer}`

/** An image where it is. */
export interface Place {
  readonly imageId: string
  readonly region: string
}

/** A parameter of Systems Manager that is to name the image. */
export interface WantedParameter {
  readonly name: string
  /** A channel goes from image to image; a version names one for ever. */
  readonly moves: boolean
}

/** What one region should have of a release. */
export interface WantedImage {
  readonly region: string
  readonly name: string
  /** Digest of the artifact. */
  readonly source: string
  /** What was built, where it was built: the original there, what copies are made of elsewhere. */
  readonly artifact: Place
  /** The copy that is known to be the release's in this region; null: none is known yet. */
  readonly told: string | null
  /** Of the image and of each of its snapshots. */
  readonly tags: Readonly<Record<string, string>>
  /** From when on EC2 calls it deprecated, ISO; null: nobody said. */
  readonly deprecation: string | null
  /** As EC2 tells it, ACCOUNT:NAME; null where EC2 has none. */
  readonly watermark: string | null
  readonly parameters: readonly WantedParameter[]
}

export interface SeenSnapshot {
  readonly id: string
  /** ARN of its key; empty where EC2 does not tell it; null: it is not encrypted. */
  readonly key: string | null
  readonly tags: Readonly<Record<string, string>>
}

export interface SeenImage {
  readonly imageId: string
  /** What it is a copy of, by EC2 itself: unlike name and tags nobody can write it. Null: EC2 does not say. */
  readonly from: Place | null
  /** EC2's word: pending, available, failed, disabled, ... */
  readonly state: string
  /** Why it is so; null: EC2 does not say. */
  readonly reason: string | null
  /** ISO. */
  readonly created: string
  readonly isPublic: boolean
  /** Its instances answer IMDSv2 alone. */
  readonly imdsV2: boolean
  readonly isProtected: boolean
  readonly deprecation: string | null
  readonly watermarks: readonly string[]
  readonly tags: Readonly<Record<string, string>>
  readonly snapshots: readonly SeenSnapshot[]
  /** Ids of snapshots that it has and nobody finds. */
  readonly lost: readonly string[]
}

/** A key as a region has it. */
export interface SeenKey {
  /** As the definition names it. */
  readonly name: string
  /** Null: there is none of that name. */
  readonly arn: string | null
  /** EC2 may encrypt with it; else why not. */
  readonly problem: string | null
  /** The day on which it is deleted, ISO; null: it is not. */
  readonly deletion: string | null
}

export type RegionSight =
  | {
      readonly region: string
      readonly status: 'seen'
      /** Of the account, with the release's name. */
      readonly images: readonly SeenImage[]
      readonly key: SeenKey
      /** Others, with which the image of the release is encrypted. */
      readonly otherKeys: readonly SeenKey[]
      /** Name -> image; null: there is no such parameter. */
      readonly parameters: Readonly<Record<string, string | null>>
    }
  | ({ readonly region: string; readonly status: 'unreachable' } & Problem)

interface Of {
  readonly region: string
  readonly imageId: string
}

export type PublishAction =
  /** Makes a copy, or with an id waits for one that is on its way. */
  | { readonly kind: 'copy'; readonly region: string; readonly imageId: string | null }
  /** Takes away a copy that failed. */
  | (Of & { readonly kind: 'discard'; readonly reason: string })
  | (Of & {
      readonly kind: 'tag'
      readonly resources: readonly string[]
      readonly tags: Readonly<Record<string, string>>
    })
  | (Of & { readonly kind: 'set-attribute'; readonly attribute: 'imds-support'; readonly value: 'v2.0' })
  | (Of & { readonly kind: 'protect' })
  | (Of & { readonly kind: 'deprecate'; readonly at: string })
  | (Of & { readonly kind: 'watermark'; readonly watermark: string })
  | (Of & {
      readonly kind: 'point'
      readonly parameter: string
      readonly moves: boolean
      readonly from: string | null
    })
  | ({ readonly kind: 'blocked'; readonly region: string } & Problem)

const hasTags = (has: Readonly<Record<string, string>>, wanted: WantedImage['tags']): boolean =>
  Object.entries(wanted).every(([name, value]) => has[name] === value)

/** EC2 keeps whole minutes. */
const sameMinute = (a: string | null, b: string): boolean =>
  a !== null && Math.abs(Date.parse(a) - Date.parse(b)) < 60_000

/** The oldest first, so that of two copies everybody takes the same. */
const byAge = (a: SeenImage, b: SeenImage): number =>
  compare(a.created, b.created) || compare(a.imageId, b.imageId)

export const isOriginal = ({ region, artifact }: Pick<WantedImage, 'region' | 'artifact'>): boolean =>
  region === artifact.region

/** The artifact itself, or a copy of it. The tag alone says nothing: whoever may tag could have made the image. */
export const isOwn = (wanted: WantedImage, { imageId, from, tags }: SeenImage): boolean =>
  isOriginal(wanted)
    ? imageId === wanted.artifact.imageId
    : tags[sourceTag] === wanted.source &&
      from?.imageId === wanted.artifact.imageId &&
      from.region === wanted.artifact.region

/** The region's own image of the release, the one that is known before others; null when it has none. */
export function ownImage(wanted: WantedImage, images: readonly SeenImage[]): SeenImage | null {
  const own = images.filter((image) => isOwn(wanted, image)).sort(byAge)
  if (isOriginal(wanted)) return own[0] ?? null
  const alive = own.filter(({ state }) => state !== 'failed')
  const best = ['available', 'pending'].map((state) => alive.find((item) => item.state === state))
  return (
    alive.find(({ imageId }) => imageId === wanted.told) ??
    best.find((item) => item !== undefined) ??
    alive[0] ??
    null
  )
}

/** A copy that EC2 has given up, which may go. */
export const isFailedCopy = (wanted: WantedImage, image: SeenImage): boolean =>
  image.state === 'failed' && !isOriginal(wanted) && isOwn(wanted, image)

const blocked = (region: string, why: string, hint: string): readonly PublishAction[] => [
  { kind: 'blocked', region, why, hint },
]

function failedCopies(wanted: WantedImage, images: readonly SeenImage[]): readonly PublishAction[] {
  return images
    .filter((image) => isFailedCopy(wanted, image))
    .sort(byAge)
    .map(({ imageId, reason }) => ({
      kind: 'discard',
      region: wanted.region,
      imageId,
      reason: reason ?? 'EC2 does not say why',
    }))
}

type Seen = Extract<RegionSight, { readonly status: 'seen' }>

/** The first step towards an image that is not whole there. */
function towardsImage(wanted: WantedImage, { images, key }: Seen): readonly PublishAction[] {
  const { region, name, artifact } = wanted
  if (isOriginal(wanted))
    return blocked(
      region,
      `${artifact.imageId}, the image of the release itself, is gone from ${region}`,
      './mintmark verify says which release it is; release it again',
    )
  const foreign = images.find((image) => image.state !== 'failed' && !isOwn(wanted, image))
  if (foreign !== undefined)
    return blocked(
      region,
      `${foreign.imageId} in ${region} has the name ${name} and is no copy of this release`,
      'look at it there, and deregister it if nobody needs it',
    )
  if (key.problem !== null)
    return blocked(region, key.problem, `give ${region} a key that can be used, under the name ${key.name}`)
  return [{ kind: 'copy', region, imageId: null }]
}

function attributes(wanted: WantedImage, image: SeenImage, now: string): readonly PublishAction[] {
  const { region, tags, deprecation, watermark } = wanted
  const { imageId } = image
  const untagged = [{ id: imageId, tags: image.tags }, ...image.snapshots]
    .filter((item) => !hasTags(item.tags, tags))
    .map(({ id }) => id)
  const due = deprecation !== null && Date.parse(deprecation) > Date.parse(now) ? deprecation : null
  return [
    ...(untagged.length === 0 ? [] : [{ kind: 'tag', region, imageId, resources: untagged, tags } as const]),
    ...(image.imdsV2
      ? []
      : [{ kind: 'set-attribute', region, imageId, attribute: 'imds-support', value: 'v2.0' } as const]),
    ...(watermark === null || image.watermarks.includes(watermark)
      ? []
      : [{ kind: 'watermark', region, imageId, watermark } as const]),
    ...(due === null || sameMinute(image.deprecation, due)
      ? []
      : [{ kind: 'deprecate', region, imageId, at: due } as const]),
    ...(image.isProtected ? [] : [{ kind: 'protect', region, imageId } as const]),
  ]
}

/** A version's parameter comes before a channel's: who follows the channel may look its version up. */
function pointers(
  { region, parameters }: WantedImage,
  { imageId }: SeenImage,
  seen: Seen['parameters'],
): readonly PublishAction[] {
  const sorted = [...parameters].sort((a, b) => Number(a.moves) - Number(b.moves) || compare(a.name, b.name))
  return sorted.flatMap(({ name, moves }): readonly PublishAction[] => {
    const from = seen[name] ?? null
    if (from === imageId) return []
    if (from !== null && !moves)
      return blocked(
        region,
        `${name} in ${region} names ${from}, and the release is ${imageId} there`,
        'a version names one image for ever: find out who changed it, and delete the parameter',
      )
    return [{ kind: 'point', region, imageId, parameter: name, moves, from }]
  })
}

/** Why an image is not whole, or not as private as it was made; null: it is. */
export function problemOf(region: string, image: SeenImage): Problem | null {
  const { imageId, state, reason, lost, snapshots } = image
  const again = `deregister ${imageId}, and it is copied again`
  if (state !== 'available')
    return {
      why: `${imageId} in ${region} is ${state}${reason === null ? '' : `: ${reason}`}`,
      hint:
        state === 'disabled'
          ? `aws ec2 enable-image --region ${region} --image-id ${imageId}, if it is to be used again`
          : 'look at it there',
    }
  if (lost.length > 0)
    return { why: `${lost.join(', ')}, of which ${imageId} in ${region} is made, is gone`, hint: again }
  if (image.isPublic)
    return {
      why: `${imageId} in ${region} is public`,
      hint: `aws ec2 reset-image-attribute --region ${region} --image-id ${imageId} --attribute launchPermission`,
    }
  const open = snapshots.find(({ key }) => key === null)
  if (open !== undefined)
    return { why: `${open.id} of ${imageId} in ${region} is not encrypted`, hint: again }
  const dark = snapshots.find(({ key }) => key === '')
  if (dark !== undefined)
    return {
      why: `EC2 does not tell by which key ${dark.id} of ${imageId} in ${region} is encrypted`,
      hint: 'run the same command again',
    }
  return null
}

/**
 * What has to be done next in one region. Whatever needs a whole image waits for it: it is planned by the next look.
 * @param now ISO
 */
export function planRegion(wanted: WantedImage, sight: RegionSight, now: string): readonly PublishAction[] {
  const { region } = wanted
  if (sight.status === 'unreachable') return blocked(region, sight.why, sight.hint)
  const image = ownImage(wanted, sight.images)
  const failed = failedCopies(wanted, sight.images)
  if (image === null) return failed.length > 0 ? failed : towardsImage(wanted, sight)
  if (image.state === 'pending') return [...failed, { kind: 'copy', region, imageId: image.imageId }]
  const problem = problemOf(region, image)
  if (problem !== null) return blocked(region, problem.why, problem.hint)
  return [...failed, ...attributes(wanted, image, now), ...pointers(wanted, image, sight.parameters)]
}

/** What people should know of a region and nothing is done about. */
export function regionNotes(wanted: WantedImage, sight: RegionSight): readonly string[] {
  if (sight.status === 'unreachable') return []
  const { key, otherKeys } = sight
  const image = ownImage(wanted, sight.images)
  const used = new Set(image?.snapshots.map((item) => item.key))
  const more = image === null ? [] : sight.images.filter((item) => item !== image && item.state !== 'failed')
  return [
    ...[key, ...otherKeys].flatMap(({ name, arn, problem, deletion }) =>
      problem === null || (deletion === null && !used.has(arn ?? name))
        ? []
        : [
            `${problem}; nobody can launch what a key encrypts that can't be used${deletion === null ? '' : ' (aws kms cancel-key-deletion, then aws kms enable-key)'}`,
          ],
    ),
    ...otherKeys.map(
      ({ name }) =>
        `${image?.imageId} in ${wanted.region} is encrypted with ${name}, and ${key.name} is ${key.arn ?? 'no key'} by now`,
    ),
    ...more.map(
      (item) =>
        `${item.imageId} in ${wanted.region} has the name ${wanted.name}, too, and is ${isOwn(wanted, item) ? 'a second copy of the release, which nothing names: deregister it if nobody needs it' : 'no copy of the release: find out who made it'}`,
    ),
  ]
}

/** An action in words, e.g. for progress. */
export function publishText(action: PublishAction): string {
  const { region } = action
  switch (action.kind) {
    case 'copy':
      return `copying to ${region}`
    case 'discard':
      return `taking away ${action.imageId} in ${region}, a copy that failed: ${action.reason}`
    case 'tag':
      return `tagging ${action.imageId} in ${region}`
    case 'set-attribute':
      return `${action.imageId} in ${region}: ${action.attribute} ${action.value}`
    case 'protect':
      return `protecting ${action.imageId} in ${region}`
    case 'deprecate':
      return `${action.imageId} in ${region}: deprecated from ${action.at.slice(0, 10)} on`
    case 'watermark':
      return `marking ${action.imageId} in ${region} with ${action.watermark}`
    case 'point':
      return `${action.parameter} in ${region}: ${action.from ?? 'nothing'} → ${action.imageId}`
    case 'blocked':
      return action.why
  }
}
