import { amiName } from '../../../core/aws-publish-plan.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AwsTarget } from '../../../model/aws-target.ts'
import type { World } from '../../../ports/world.ts'
import type { ForRun } from '../../building.ts'
import { describeAmi } from '../base/find-ami.ts'
import type { AwsCalls } from '../client.ts'
import { requireOwnAccount } from '../connect.ts'
import { makeGroup } from '../machines/security-group.ts'
import { keyIn, seeKey } from '../publish/region-key.ts'
import { type Marks, marks, tagsOf } from '../tags.ts'
import { callersOf } from './address.ts'
import { cleanup } from './sweep.ts'

export interface PrepareInput extends ForRun {
  readonly world: World
  /** Of the region of the build. */
  readonly calls: AwsCalls
  readonly spec: AwsTarget
  readonly arch: string
  /** What it is built on. */
  readonly base: { readonly imageId: string }
  /** One line of OpenSSH. */
  readonly publicKey: string
  /** Called before anything is made, once nothing refuses the build any more. */
  readonly began: () => void
  readonly update: (text: string) => void
}

/** What Packer is told of what stands ready. */
export interface PreparedBuild {
  readonly source_ami: string
  readonly root_device: string
  readonly base_gib: number
  readonly key_pair: string
  readonly security_group: string
  readonly ami_name: string
  /** JSON. */
  readonly marks: string
}

export const marksOf = ({ image, version, runId, definition }: ForRun): Marks => ({
  image,
  version,
  run: runId,
  owner: definition.owner,
})

/** The name of what a run's build makes for itself. */
export const buildName = ({ image, runId }: Pick<ForRun, 'image' | 'runId'>): string =>
  `mintmark-${runId}-${image}-build`

/** The name that the image gets. @throws MintmarkError INTERNAL without a version */
export function nameOfImage({ image, version }: ForRun, arch: string): string {
  if (version !== null) return amiName(image, version, arch)
  throw new MintmarkError('INTERNAL', `${image} is built without a version`)
}

/**
 * The key that the image is to be encrypted with, by its ARN.
 * @throws MintmarkError PROVIDER_REFUSED for one that can't be used, or could not be shared
 */
export async function requireKey(calls: AwsCalls, image: string, spec: AwsTarget): Promise<string> {
  const { arn, problem } = await seeKey(calls, keyIn(spec, calls.region))
  if (problem === null && arn !== null) return arn
  throw new MintmarkError('PROVIDER_REFUSED', `${problem ?? 'the key has no ARN'}: nothing was made`, {
    hint: `name a key of your own that is enabled: targets.aws.encrypt.key in images/${image}.yaml`,
    where: { region: calls.region, key: spec.encrypt.key },
  })
}

/** @throws MintmarkError CONFLICT when an image that has to stay has the name */
async function requireName(calls: AwsCalls, name: string): Promise<void> {
  const own = { Owners: ['self'], Filters: [{ Name: 'name', Values: [name] }] }
  const input = { ...own, IncludeDeprecated: true, IncludeDisabled: true }
  for await (const { Images = [] } of calls.ec2.pages('DescribeImages', input))
    for (const { ImageId: id = '', Tags } of Images) {
      const run = tagsOf(Tags)['mintmark:run']
      throw new MintmarkError(
        'CONFLICT',
        `${calls.region} has an image called ${name} already: ${id}${run === undefined ? '' : ` of run ${run}`}`,
        { hint: 'release a new version: --fresh', where: { region: calls.region, ami: id } },
      )
    }
}

/** What of the base is the region's own. @throws MintmarkError BASE_REFUSED when it is gone by now */
async function rootOf(calls: AwsCalls, imageId: string) {
  const image = await describeAmi(calls, imageId)
  const device = image?.RootDeviceName
  const root = image?.BlockDeviceMappings?.find(({ DeviceName: name }) => name === device)
  if (device === undefined || root === undefined)
    throw new MintmarkError('BASE_REFUSED', `${imageId} in ${calls.region} has no root device by now`, {
      hint: 'run the same command again; if it stays so, ./mintmark base update',
    })
  return { device, gib: root.Ebs?.VolumeSize ?? 0 }
}

async function importKey(calls: AwsCalls, input: PrepareInput, name: string): Promise<void> {
  const tags = marks(marksOf(input), name, input.world.clock.now())
  const asked = {
    KeyName: name,
    PublicKeyMaterial: new TextEncoder().encode(input.publicKey.trim()),
    TagSpecifications: [{ ResourceType: 'key-pair' as const, Tags: tags }],
  }
  // What an earlier try left was swept: one that is there is what this request made before its answer was cut off.
  await calls.ec2.find('ImportKeyPair', asked, ['InvalidKeyPair.Duplicate'])
}

/**
 * Makes what a build needs beside its instance: a key pair, and a group that lets in the callers alone. Everything that could refuse the
 * build is looked at before anything is made, and what an earlier try of this run left is removed.
 * @throws MintmarkError PROVIDER_REFUSED for another account or a key that can't be used, CONFLICT, CONFIG_INVALID, BASE_REFUSED,
 * PROVIDER_UNREACHABLE
 */
export async function prepareBuild(input: PrepareInput): Promise<PreparedBuild> {
  const { world, calls, image, runId, spec, arch, base, began, update } = input
  const { network } = spec.build
  update('checking the account and the key')
  await requireOwnAccount(calls, image, spec)
  await requireKey(calls, image, spec)
  const root = await rootOf(calls, base.imageId)
  const from = network?.sessionManager === true ? null : await callersOf(world, spec)
  const name = nameOfImage(input, arch)
  const own = buildName(input)
  const { clock, signal } = world
  await cleanup({ calls, clock, signal, image, run: runId, keep: () => false, update })
  await requireName(calls, name)
  began()
  update('making the key pair and the security group')
  const mark = marksOf(input)
  await importKey(calls, input, own)
  const group =
    network?.securityGroup ??
    (await makeGroup(calls, {
      name: own,
      tags: marks(mark, own, clock.now()),
      subnet: network?.subnet ?? null,
      from,
      ports: [],
    }))
  const tags = marks(mark, name, clock.now()).map(({ Key, Value }) => [Key, Value])
  return {
    source_ami: base.imageId,
    root_device: root.device,
    base_gib: root.gib,
    key_pair: own,
    security_group: group,
    ami_name: name,
    marks: JSON.stringify(Object.fromEntries(tags)),
  }
}

/** Stands for it where a bundle is only validated. */
export const unprepared: PreparedBuild = {
  source_ami: 'ami-00000000000000000',
  root_device: '/dev/xvda',
  base_gib: 8,
  key_pair: 'mintmark-build',
  security_group: 'sg-00000000000000000',
  ami_name: 'mintmark/image/0.0.0/x86_64',
  marks: '{}',
}
