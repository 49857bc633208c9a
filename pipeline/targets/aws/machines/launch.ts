import type { _InstanceType } from '@aws-sdk/client-ec2'
import { ec2Arch } from '../../../core/ami-owners.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AmiArtifact } from '../../../model/artifact.ts'
import type { Arch } from '../../../model/ids.ts'
import type { Instance, LaunchInput } from '../../instance.ts'
import type { AwsCalls } from '../client.ts'
import { type Marks, marks } from '../tags.ts'
import { cloudSideOf } from './cloud-side.ts'
import {
  clientToken,
  type InstanceParts,
  type Removal,
  readParts,
  removeEarlier,
  removeParts,
  rootDeviceOf,
  writeParts,
} from './instance-parts.ts'
import { runningInstance } from './running-instance.ts'
import { makeGroup } from './security-group.ts'

export interface AwsLaunchInput extends Omit<LaunchInput, 'run'> {
  readonly marks: Marks
  readonly instanceType: string
  readonly arch: Arch
  /** Null: the account's default network. */
  readonly subnet: string | null
  /** As the definition names it. */
  readonly key: string
  /** This machine's addresses as the instance sees them, as CIDRs: nobody else reaches it. */
  readonly from: readonly string[]
  /** 22 when it is left out. */
  readonly sshPort?: number
}

type Place = Pick<AmiArtifact, 'account' | 'region' | 'imageId'>

/** @throws MintmarkError INTERNAL for an artifact of another target or region */
function placeOf({ artifact }: AwsLaunchInput, { region }: AwsCalls): Place {
  if (artifact.format === 'ami' && artifact.region === region) return artifact
  const what = artifact.format === 'ami' ? `${artifact.imageId} of ${artifact.region}` : artifact.path
  throw new MintmarkError('INTERNAL', `${what} can't be launched in ${region}`)
}

/** What was begun is removed also when the process is asked to stop. */
const removalOf = ({ world, update = () => undefined }: AwsLaunchInput, calls: AwsCalls): Removal => ({
  calls: calls.unstopped(),
  clock: world.clock,
  signal: new AbortController().signal,
  update,
})

/** A run may be that of several images. */
const nameOf = ({ marks: { image, run }, instance }: AwsLaunchInput): string =>
  `mintmark-${run}-${image}-${instance}`

/** As cloud-init takes them beside the key of the instance. */
const userData = (keys: readonly string[]): string =>
  btoa(`#cloud-config\n${JSON.stringify({ ssh_authorized_keys: keys })}\n`)

async function runInstance(
  calls: AwsCalls,
  input: AwsLaunchInput,
  place: Place,
  parts: Omit<InstanceParts, 'instanceId'>,
  rootDevice: string,
): Promise<string> {
  const { world, login, alsoAuthorize = [], goesOn = false } = input
  const name = nameOf(input)
  const tags = marks(input.marks, name, world.clock.now())
  const { Instances: [instance] = [] } = await calls.ec2.send('RunInstances', {
    // The key is new for each try: what is asked for with the same token has to be the same.
    ClientToken: clientToken(input.marks.run, `${name} ${login.publicKey}`, calls.region),
    ImageId: place.imageId,
    InstanceType: input.instanceType as _InstanceType,
    MinCount: 1,
    MaxCount: 1,
    KeyName: parts.keyPair,
    SecurityGroupIds: [parts.group],
    ...(input.subnet === null ? {} : { SubnetId: input.subnet }),
    // Without a word of encryption: the disk has to be encrypted because the image's snapshot is, and so for every consumer.
    BlockDeviceMappings: [
      {
        DeviceName: rootDevice,
        Ebs: { VolumeSize: input.diskGiB, VolumeType: 'gp3', DeleteOnTermination: true },
      },
    ],
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1, HttpEndpoint: 'enabled' },
    InstanceInitiatedShutdownBehavior: goesOn ? 'stop' : 'terminate',
    DisableApiTermination: false,
    ...(alsoAuthorize.length === 0 ? {} : { UserData: userData(alsoAuthorize) }),
    TagSpecifications: (['instance', 'volume', 'network-interface'] as const).map((ResourceType) => ({
      ResourceType,
      Tags: tags,
    })),
  })
  if (instance?.InstanceId !== undefined) return instance.InstanceId
  throw new MintmarkError('PROVIDER_REFUSED', `ec2:RunInstances in ${calls.region} made no instance`, {
    hint: 'run the same command again',
  })
}

/** Makes the group, the key pair and the instance; what was made goes again when the next can't be. */
async function makeParts(calls: AwsCalls, input: AwsLaunchInput, place: Place): Promise<InstanceParts> {
  const { world, folder, login, forward = [], from, subnet, update = () => undefined } = input
  const { clock, signal, files } = world
  const name = nameOf(input)
  await removeEarlier({ calls, clock, signal, update }, input.marks, name)
  const rootDevice = await rootDeviceOf(calls, place.imageId)
  const tags = marks(input.marks, name, clock.now())
  try {
    const group = await makeGroup(calls, { name, tags, subnet, from, ports: forward })
    const keyPair = {
      KeyName: name,
      PublicKeyMaterial: new TextEncoder().encode(login.publicKey.trim()),
      TagSpecifications: [{ ResourceType: 'key-pair' as const, Tags: tags }],
    }
    // One that is there is what this request made before its answer was lost.
    await calls.ec2.find('ImportKeyPair', keyPair, ['InvalidKeyPair.Duplicate'])
    const instanceId = await runInstance(calls, input, place, { group, keyPair: name }, rootDevice)
    const parts = { instanceId, group, keyPair: name }
    await writeParts(files, folder, parts)
    return parts
  } catch (cause) {
    // What can't be removed now bears the run's tag, and is found by it later: the first error is the one to tell.
    await removeEarlier(removalOf(input, calls), input.marks, name).catch(() => undefined)
    throw cause
  }
}

/** Starts the stopped instance that an earlier power-on left in the folder. */
async function startAgain(calls: AwsCalls, input: AwsLaunchInput): Promise<InstanceParts> {
  const { world, folder } = input
  const parts = await readParts(world.files, folder)
  if (parts === null)
    throw new MintmarkError('INTERNAL', `${input.instance} can't be powered on again: nothing is left of it`)
  await calls.ec2.send('StartInstances', { InstanceIds: [parts.instanceId] })
  return parts
}

/**
 * Launches a new instance of an AMI, in a group and with a key pair of its own; or powers on the one that `stop` left, for `again`. Resolves
 * when EC2 has taken it on, not when it runs. Only the callers' addresses reach it.
 * @throws MintmarkError INTERNAL, CONFIG_INVALID, NOT_FOUND, PROVIDER_REFUSED, PROVIDER_UNREACHABLE, INTERRUPTED
 */
export async function launch(calls: AwsCalls, input: AwsLaunchInput): Promise<Instance> {
  const { world, folder, marks: mark } = input
  const { net, files } = world
  if (net === undefined) throw new MintmarkError('INTERNAL', 'machines need a world with sockets')
  if (input.again === 'forgets' || input.clock !== undefined || input.cutOff === true)
    throw new MintmarkError(
      'INTERNAL',
      `${input.instance} can't be powered on so: an instance at AWS has one disk, no clock to set, and its network`,
    )
  const place = placeOf(input, calls)
  const poweredOn = world.clock.now().getTime()
  const parts =
    input.again === undefined ? await makeParts(calls, input, place) : await startAgain(calls, input)
  const architecture = ec2Arch(input.arch)
  const { account, imageId } = place
  const { instanceId } = parts
  return runningInstance({
    calls,
    input,
    net,
    parts,
    poweredOn,
    name: `${input.instance} (${instanceId} in ${calls.region}, run ${mark.run})`,
    cloud: cloudSideOf({ world, calls, instanceId, account, imageId, architecture, key: input.key }),
    async remove() {
      const left = await readParts(files, folder)
      if (left !== null) await removeParts(removalOf(input, calls), files, folder, left)
    },
  })
}
