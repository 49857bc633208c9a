import { MintmarkError } from '../../../errors.ts'
import { AmiAncestor } from '../../../model/ami.ts'
import type { AwsCalls } from '../client.ts'

/** Regions and servers that do not know the call say one of these. */
const unknownCall: readonly string[] = [
  'InvalidAction',
  'UnknownOperation',
  'UnknownOperationException',
  'UnsupportedOperation',
  'NotImplemented',
]

/**
 * From the AMI to its root; null where EC2 does not tell.
 * @throws MintmarkError BASE_REFUSED, PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function ancestryOf(calls: AwsCalls, imageId: string): Promise<readonly AmiAncestor[] | null> {
  const answer = await calls.ec2.find('GetImageAncestry', { ImageId: imageId }, unknownCall)
  const entries = answer?.ImageAncestryEntries
  if (entries === undefined || entries.length === 0) return null
  return entries.map((entry) => {
    const { ImageId: id, ImageOwnerAlias: alias = null, SourceImageId: source, SourceImageRegion } = entry
    const parsed = AmiAncestor.safeParse({
      imageId: id,
      alias,
      source: source === undefined ? null : { imageId: source, region: SourceImageRegion ?? null },
    })
    if (parsed.success) return parsed.data
    throw new MintmarkError(
      'BASE_REFUSED',
      `the ancestry of ${imageId} in ${calls.region} has an entry that is none: ${JSON.stringify(entry)}`,
      { hint: `aws ec2 get-image-ancestry --image-id ${imageId} --region ${calls.region} shows it` },
    )
  })
}
