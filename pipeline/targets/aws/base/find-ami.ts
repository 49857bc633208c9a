import type { DescribedImage } from '../../../core/ami-evidence.ts'
import { newestAmi } from '../../../core/ami-order.ts'
import type { AmiBuilds, AmiOwner } from '../../../core/ami-owners.ts'
import { listed } from '../../../core/lists.ts'
import { MintmarkError } from '../../../errors.ts'
import { AmiId, type AmiSelector } from '../../../model/ami.ts'
import { noImage } from '../absent.ts'
import type { AwsCalls } from '../client.ts'

/** One AMI by its id, deprecated or not; null when this account can't see it. */
export async function describeAmi(calls: AwsCalls, imageId: string): Promise<DescribedImage | null> {
  const input = { ImageIds: [imageId], IncludeDeprecated: true }
  for await (const page of calls.ec2.pages('DescribeImages', input, noImage)) {
    const image = page.Images?.find((candidate) => candidate.ImageId === imageId)
    if (image !== undefined) return image
  }
  return null
}

async function byParameter(calls: AwsCalls, parameter: string): Promise<DescribedImage> {
  const refuse = (what: string): MintmarkError =>
    new MintmarkError('BASE_REFUSED', `the parameter ${parameter} in ${calls.region} ${what}`, {
      hint: `aws ssm get-parameter --name ${parameter} --region ${calls.region} shows it; its publisher has to mend it`,
    })
  const answer = await calls.ssm.find('GetParameter', { Name: parameter }, [
    'ParameterNotFound',
    'ParameterVersionNotFound',
  ])
  if (answer === null) throw refuse('is not there')
  const imageId = answer.Parameter?.Value ?? ''
  if (!AmiId.safeParse(imageId).success) throw refuse(`is "${imageId.slice(0, 60)}", which is no AMI`)
  const image = await describeAmi(calls, imageId)
  if (image === null) throw refuse(`names ${imageId}, which this account can't see`)
  return image
}

async function byName(calls: AwsCalls, owner: AmiOwner, builds: AmiBuilds): Promise<DescribedImage> {
  const { account, title } = owner
  const images: DescribedImage[] = []
  const input = {
    Owners: [account],
    Filters: [{ Name: 'name', Values: [builds.pattern] }],
    MaxResults: 500,
  }
  for await (const page of calls.ec2.pages('DescribeImages', input)) images.push(...(page.Images ?? []))
  const newest = newestAmi(images, account, builds.name)
  if (newest !== null) return newest
  const others = images.map((image) => `${image.Name} of ${image.OwnerId}`)
  throw new MintmarkError(
    'BASE_REFUSED',
    `${account} (${title}) has no AMI like ${builds.pattern} in ${calls.region}${others.length === 0 ? '' : `; there are ${listed(others)}`}`,
    { hint: 'use another region, or see pipeline/core/ami-owners.ts for what is known of the owner' },
  )
}

/** The newest AMI by the owner's parameter, or by the names of their AMIs where they have none. Nothing of it is judged yet. */
export async function findAmi(
  calls: AwsCalls,
  owner: AmiOwner,
  builds: AmiBuilds,
): Promise<{ readonly image: DescribedImage; readonly selector: AmiSelector }> {
  const { parameter, pattern } = builds
  return parameter === null
    ? { image: await byName(calls, owner, builds), selector: { by: 'name', pattern } }
    : { image: await byParameter(calls, parameter), selector: { by: 'parameter', parameter } }
}
