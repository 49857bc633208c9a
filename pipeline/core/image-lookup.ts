import { MintmarkError } from '../errors.ts'
import { hclQuoted, type Outputs } from './outputs.ts'

/** Tools that look an image up by themselves, in the account and region that they run for. */
export const lookupFormats = ['terraform', 'cloudformation', 'ansible'] as const
export type LookupFormat = (typeof lookupFormats)[number]

/**
 * By a parameter of the account that publishes: it follows the channel. By owner and ids, of which each region has one, for every account
 * that the image is shared with: one release, since neither parameters nor tags are seen by other accounts. Never by its name, which
 * others can give to an image, too.
 */
export const lookups = ['parameter', 'owner'] as const
export type Lookup = (typeof lookups)[number]

type Cloud = NonNullable<Outputs['cloud']>

const identifier = (image: string): string => image.replaceAll(/[^a-z0-9]/g, '_')

function terraform({ image }: Outputs, cloud: Cloud, by: Lookup): string {
  const name = identifier(image)
  const local = (value: string): readonly string[] => ['', 'locals {', `  ${name}_image_id = ${value}`, '}']
  return by === 'parameter'
    ? [
        `data "aws_ssm_parameter" "${name}" {`,
        `  name = ${hclQuoted(cloud.parameter)}`,
        '}',
        ...local(`data.aws_ssm_parameter.${name}.insecure_value`),
      ].join('\n')
    : [
        `data "aws_ami" "${name}" {`,
        `  owners             = [${hclQuoted(cloud.account)}]`,
        '  include_deprecated = true',
        '',
        '  filter {',
        '    name   = "image-id"',
        `    values = [${cloud.regions.map(({ id }) => hclQuoted(id)).join(', ')}]`,
        '  }',
        '}',
        ...local(`data.aws_ami.${name}.id`),
      ].join('\n')
}

function cloudformation(cloud: Cloud, by: Lookup): string {
  return by === 'parameter'
    ? [
        'Parameters:',
        '  ImageId:',
        '    Type: AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>',
        `    Default: ${JSON.stringify(cloud.parameter)}`,
      ].join('\n')
    : [
        // CloudFormation has no look-up by owner.
        '# ImageId: !FindInMap [Images, !Ref "AWS::Region", ImageId]',
        'Mappings:',
        '  Images:',
        ...cloud.regions.flatMap(({ region, id }) => [`    ${region}:`, `      ImageId: ${id}`]),
      ].join('\n')
}

function ansible({ image, version }: Outputs, cloud: Cloud, by: Lookup): string {
  const fact = (value: string): readonly string[] => [
    '  ansible.builtin.set_fact:',
    `    image_id: ${JSON.stringify(value)}`,
  ]
  return by === 'parameter'
    ? [
        `- name: the image ${image}`,
        ...fact(`{{ lookup('amazon.aws.ssm_parameter', '${cloud.parameter}', region=aws_region) }}`),
      ].join('\n')
    : [
        `- name: look ${image} ${version} up`,
        '  amazon.aws.ec2_ami_info:',
        '    region: "{{ aws_region }}"',
        `    owners: [${JSON.stringify(cloud.account)}]`,
        `    filters: {image-id: ${JSON.stringify(cloud.regions.map(({ id }) => id))}}`,
        '  register: found',
        `- name: the image ${image}`,
        ...fact('{{ found.images[0].image_id }}'),
      ].join('\n')
}

/** @throws MintmarkError USAGE for a file: nobody else can look it up */
export function formatLookup(outputs: Outputs, format: LookupFormat, by: Lookup): string {
  const { cloud, image, version } = outputs
  if (cloud === undefined)
    throw new MintmarkError('USAGE', `${image}@${version} is a file, and ${format} looks images of AWS up`, {
      hint: 'take --format tfvars, env or json',
    })
  switch (format) {
    case 'terraform':
      return terraform(outputs, cloud, by)
    case 'cloudformation':
      return cloudformation(cloud, by)
    case 'ansible':
      return ansible(outputs, cloud, by)
  }
}
