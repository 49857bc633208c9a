import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { formatLookup, lookupFormats } from '../../pipeline/core/image-lookup.ts'
import { formatOutputs, type Outputs } from '../../pipeline/core/outputs.ts'
import { MintmarkError } from '../../pipeline/errors.ts'

const lookup = suite('looking an image up')

const file: Outputs = {
  image: 'corp.web-13',
  version: '1.8.2',
  channel: 'stable',
  sha256: 'ab'.repeat(32),
  path: null,
  size: 1,
  format: 'ami',
  login: 'admin',
}
const outputs: Outputs = {
  ...file,
  cloud: {
    account: '111111111111',
    region: 'eu-west-1',
    id: 'ami-0123456789abcdef0',
    name: 'mintmark/corp.web-13/1.8.2/x86_64',
    parameter: '/mintmark/corp.web-13/x86_64/stable',
    regions: [
      { region: 'eu-west-1', id: 'ami-0123456789abcdef0' },
      { region: 'us-east-1', id: 'ami-0123456789abcdef1' },
    ],
  },
}

lookup('terraform: by the parameter, or by owner and ids', () => {
  assert.is(
    formatLookup(outputs, 'terraform', 'parameter'),
    `data "aws_ssm_parameter" "corp_web_13" {
  name = "/mintmark/corp.web-13/x86_64/stable"
}

locals {
  corp_web_13_image_id = data.aws_ssm_parameter.corp_web_13.insecure_value
}`,
  )
  assert.is(
    formatLookup(outputs, 'terraform', 'owner'),
    `data "aws_ami" "corp_web_13" {
  owners             = ["111111111111"]
  include_deprecated = true

  filter {
    name   = "image-id"
    values = ["ami-0123456789abcdef0", "ami-0123456789abcdef1"]
  }
}

locals {
  corp_web_13_image_id = data.aws_ami.corp_web_13.id
}`,
  )
})

lookup('cloudformation: a parameter, or a map of regions', () => {
  assert.equal(parse(formatLookup(outputs, 'cloudformation', 'parameter')), {
    Parameters: {
      ImageId: {
        Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>',
        Default: '/mintmark/corp.web-13/x86_64/stable',
      },
    },
  })
  assert.equal(parse(formatLookup(outputs, 'cloudformation', 'owner')), {
    Mappings: {
      Images: {
        'eu-west-1': { ImageId: 'ami-0123456789abcdef0' },
        'us-east-1': { ImageId: 'ami-0123456789abcdef1' },
      },
    },
  })
})

lookup('ansible: tasks that set image_id', () => {
  assert.equal(parse(formatLookup(outputs, 'ansible', 'parameter')), [
    {
      name: 'the image corp.web-13',
      'ansible.builtin.set_fact': {
        image_id:
          "{{ lookup('amazon.aws.ssm_parameter', '/mintmark/corp.web-13/x86_64/stable', region=aws_region) }}",
      },
    },
  ])
  const [look, set] = parse(formatLookup(outputs, 'ansible', 'owner'))
  assert.equal(look['amazon.aws.ec2_ami_info'], {
    region: '{{ aws_region }}',
    owners: ['111111111111'],
    filters: { 'image-id': ['ami-0123456789abcdef0', 'ami-0123456789abcdef1'] },
  })
  assert.equal(set['ansible.builtin.set_fact'], { image_id: '{{ found.images[0].image_id }}' })
})

lookup('env has the parameter and the name; a file can not be looked up', () => {
  const env = formatOutputs(outputs, 'env')
  assert.match(env, "MINTMARK_IMAGE_PARAMETER='/mintmark/corp.web-13/x86_64/stable'")
  assert.match(env, "MINTMARK_IMAGE_AMI_NAME='mintmark/corp.web-13/1.8.2/x86_64'")
  for (const format of lookupFormats)
    assert.throws(
      () => formatLookup(file, format, 'parameter'),
      (cause: unknown) => cause instanceof MintmarkError && cause.code === 'USAGE',
    )
})

lookup.run()
