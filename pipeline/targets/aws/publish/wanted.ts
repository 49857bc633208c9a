import {
  amiName,
  isOriginal,
  parameterName,
  sourceTag,
  type WantedImage,
} from '../../../core/aws-publish-plan.ts'
import { dayMs } from '../../../core/days.ts'
import { unique } from '../../../core/lists.ts'
import type { AmiArtifact } from '../../../model/artifact.ts'
import type { AwsTarget } from '../../../model/aws-target.ts'
import type { RecordPredicate } from '../../../model/release.ts'
import { marks } from '../tags.ts'

/** What is needed to know of a release to bring it to its regions. */
export type ReleaseFacts = Pick<RecordPredicate, 'image' | 'version' | 'arch' | 'run' | 'owner' | 'created'>

/** The name of an image's watermark, which every copy of it keeps. */
export const watermarkOf = (image: string): string => `mintmark/${image}`

/** The regions of a release: those of the definition, and the one that it was built in. */
export const regionsOf = (target: Pick<AwsTarget, 'regions'>, artifact: AmiArtifact): readonly string[] =>
  unique([artifact.region, ...target.regions])

/** In whole minutes, as EC2 keeps it. */
function deprecationOf({ deprecate }: Pick<AwsTarget, 'deprecate'>, created: string): string | null {
  if (deprecate === undefined) return null
  const due = Date.parse(created) + Number.parseInt(deprecate, 10) * dayMs
  return new Date(Math.floor(due / 60_000) * 60_000).toISOString()
}

/**
 * What a region is to have of a release: nothing of what it is made with is of the moment, so that every run asks for the same.
 * @param more the channels that point to it, and the copy that is known there
 */
export function wantedIn(
  region: string,
  target: Pick<AwsTarget, 'deprecate'>,
  facts: ReleaseFacts,
  artifact: AmiArtifact,
  more: { readonly channels: readonly string[]; readonly told: string | null },
): WantedImage {
  const { image, version, arch, run, owner, created } = facts
  const name = amiName(image, version, arch)
  const place = { region, artifact: { imageId: artifact.imageId, region: artifact.region } }
  // Of a copy: when the release was made. The image that was built says itself when it was.
  const tags = marks({ image, version, run, owner }, name, new Date(created))
  const kept = tags.filter(({ Key }) => !isOriginal(place) || Key !== 'mintmark:created')
  return {
    ...place,
    name,
    source: artifact.sha256,
    told: more.told,
    tags: { ...Object.fromEntries(kept.map(({ Key, Value }) => [Key, Value])), [sourceTag]: artifact.sha256 },
    deprecation: deprecationOf(target, created),
    watermark: `${artifact.account}:${watermarkOf(image)}`,
    parameters: [
      { name: parameterName(image, arch, version), moves: false },
      ...more.channels.map((channel) => ({ name: parameterName(image, arch, channel), moves: true })),
    ],
  }
}
