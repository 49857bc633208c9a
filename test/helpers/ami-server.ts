import type { DescribedImage } from '../../pipeline/core/ami-evidence.ts'
import type { AmiAncestor } from '../../pipeline/model/ami.ts'
import { type AwsAnswer, type AwsRequest, jsonError, queryError } from './aws-answers.ts'

/** What a region has. */
export interface Region {
  readonly images: readonly DescribedImage[]
  /** Name of a public parameter -> its value. */
  readonly parameters?: Readonly<Record<string, string>>
  /** By image; without it the region does not know the call. */
  readonly ancestry?: Readonly<Record<string, readonly AmiAncestor[]>>
}

const element = (name: string, value: unknown): string =>
  value === undefined || value === null ? '' : `<${name}>${value}</${name}>`

/** EC2 writes the element of a list that is empty, too. */
const items = (name: string, of: readonly string[]): string =>
  `<${name}>${of.map((item) => `<item>${item}</item>`).join('')}</${name}>`

/** As EC2 writes it: the model of its API says which element a field is. */
function imageXml(image: DescribedImage): string {
  return [
    element('imageId', image.ImageId),
    element('name', image.Name),
    element('imageOwnerId', image.OwnerId),
    element('imageOwnerAlias', image.ImageOwnerAlias),
    element('creationDate', image.CreationDate),
    element('deprecationTime', image.DeprecationTime),
    element('imageState', image.State),
    element('imageType', image.ImageType),
    element('isPublic', image.Public),
    element('architecture', image.Architecture),
    element('virtualizationType', image.VirtualizationType),
    element('bootMode', image.BootMode),
    element('enaSupport', image.EnaSupport),
    element('platform', image.Platform),
    element('platformDetails', image.PlatformDetails),
    element('usageOperation', image.UsageOperation),
    element('rootDeviceName', image.RootDeviceName),
    element('rootDeviceType', image.RootDeviceType),
    items(
      'productCodes',
      (image.ProductCodes ?? []).map((code) => element('productCode', code.ProductCodeId)),
    ),
    items(
      'blockDeviceMapping',
      (image.BlockDeviceMappings ?? []).map(
        (mapping) =>
          element('deviceName', mapping.DeviceName) +
          element(
            'ebs',
            element('snapshotId', mapping.Ebs?.SnapshotId) + element('encrypted', mapping.Ebs?.Encrypted),
          ),
      ),
    ),
  ].join('')
}

const ancestorXml = (entry: AmiAncestor): string =>
  element('imageId', entry.imageId) +
  element('imageOwnerAlias', entry.alias) +
  element('sourceImageId', entry.source?.imageId) +
  element('sourceImageRegion', entry.source?.region)

/** Two on a page, so that nothing is found that is looked for on the first one alone. */
const pageSize = 2

function describe({ images }: Region, input: AwsRequest['input']): AwsAnswer {
  const id = input['ImageId.1']
  const owner = input['Owner.1']
  const pattern = `${input['Filter.1.Value.1'] ?? '*'}`
    .replace(/[.+^$(){}|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
  if (id !== undefined && !images.some((image) => image.ImageId === id))
    return queryError('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`)
  const found = images.filter(
    (image) =>
      (id === undefined || image.ImageId === id) &&
      (owner === undefined || image.OwnerId === owner) &&
      new RegExp(`^${pattern}$`).test(image.Name ?? ''),
  )
  const from = Number(input['NextToken'] ?? 0)
  const next = from + pageSize < found.length ? `${from + pageSize}` : undefined
  return {
    body: `<DescribeImagesResponse>${items('imagesSet', found.slice(from, from + pageSize).map(imageXml))}${element('nextToken', next)}</DescribeImagesResponse>`,
  }
}

/** Answers to what a base is looked up by. */
export function amiAnswers(regions: Readonly<Record<string, Region>>): (request: AwsRequest) => AwsAnswer {
  return ({ operation, region, input }) => {
    const there = regions[region] ?? { images: [] }
    if (operation === 'DescribeImages') return describe(there, input)
    if (operation === 'GetParameter') {
      const value = there.parameters?.[`${input['Name']}`]
      return value === undefined
        ? jsonError('ParameterNotFound')
        : {
            body: JSON.stringify({
              Parameter: { Name: input['Name'], Type: 'String', Value: value, Version: 7 },
            }),
            headers: { 'content-type': 'application/x-amz-json-1.1' },
          }
    }
    if (operation === 'GetImageAncestry' && there.ancestry !== undefined)
      return {
        body: `<GetImageAncestryResponse>${items('imageAncestryEntrySet', (there.ancestry[`${input['ImageId']}`] ?? []).map(ancestorXml))}</GetImageAncestryResponse>`,
      }
    return queryError('InvalidAction', `The action ${operation} is not valid for this web service.`)
  }
}
