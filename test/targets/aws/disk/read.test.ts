import { createHash } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CompleteSnapshotCommand,
  EBSClient,
  PutSnapshotBlockCommand,
  StartSnapshotCommand,
} from '@aws-sdk/client-ebs'
import {
  CopySnapshotCommand,
  ModifySnapshotAttributeCommand,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2'
import { CreateKeyCommand } from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AwsCalls, awsCalls } from '../../../../pipeline/targets/aws/client.ts'
import { rawDisk, readDisk } from '../../../../pipeline/targets/aws/disk/read.ts'
import { consumer, factory } from '../../../cloud/stand-in.ts'
import { newName, snapshotOf, withStandIn } from '../../../cloud/under-test.ts'
import { refusal } from '../../../helpers/refusal.ts'
import { makeDisk, smallTree } from '../../../helpers/small-disk.ts'
import { type TestWorld, testWorld } from '../../../helpers/world.ts'

const block = 512 * 1024
const region = 'us-east-1'
const gone = 'ami-00000000000000000'

interface Context {
  t: TestWorld
  calls: AwsCalls
  imageId: string
  snapshotId: string
}

const reading = suite<Context>('reading the disk of an AMI')
const { cloud, ec2, kms, imageOf } = withStandIn(reading)

reading.before(async (context) => {
  const t = await testWorld()
  context.t = t
  const tree = await smallTree(t.folder, 'tree')
  const disk = await makeDisk(t, t.folder, { name: 'small', tree, esp: true })
  const image = { name: 'small', owner: factory, disk }
  const [id = ''] = await cloud().seed({ images: [image] })
  context.imageId = id
  context.snapshotId = snapshotOf(await imageOf(id))
})
reading.before.each((context) => {
  context.calls = awsCalls({ region, signal: context.t.world.signal, attempts: 2 })
})
reading.after.each(({ calls }) => calls.close())
reading.after(({ t }) => t.close())

const place = ({ imageId }: Context, snapshotIds: readonly string[]) => ({
  format: 'ami' as const,
  account: factory,
  region,
  imageId,
  snapshotIds: [...snapshotIds],
})

const folder = ({ t }: Context): Promise<string> => t.world.files.tempFolder('into-', t.folder)

const blocksAsked = async (): Promise<number> =>
  (await cloud().calls()).filter(({ action }) => action === 'GetSnapshotBlock').length

/** A second disk; with something on it or without. */
async function otherDisk(bytes: Uint8Array | null): Promise<string> {
  const ebs = new EBSClient(cloud().client())
  const { SnapshotId } = await ebs.send(new StartSnapshotCommand({ VolumeSize: 1 }))
  if (bytes !== null)
    await ebs.send(
      new PutSnapshotBlockCommand({
        SnapshotId,
        BlockIndex: 3,
        BlockData: bytes,
        DataLength: block,
        Checksum: createHash('sha256').update(bytes).digest('base64'),
        ChecksumAlgorithm: 'SHA256',
      }),
    )
  const count = { ChangedBlocksCount: bytes === null ? 0 : 1 }
  await ebs.send(new CompleteSnapshotCommand({ SnapshotId, ...count }))
  return SnapshotId ?? ''
}

async function withTwoDisks(first: string, second: string): Promise<string> {
  const disk = (DeviceName: string, SnapshotId: string) => ({ DeviceName, Ebs: { SnapshotId } })
  const { ImageId = '' } = await ec2().send(
    new RegisterImageCommand({
      Name: newName(),
      RootDeviceName: '/dev/xvda',
      Architecture: 'x86_64',
      VirtualizationType: 'hvm',
      BlockDeviceMappings: [disk('/dev/sdb', second), disk('/dev/xvda', first)],
    }),
  )
  return ImageId
}

reading('its file systems are there, and nothing of the copy stays', async (context) => {
  const { calls, t, snapshotId } = context
  const into = await folder(context)
  const told: string[] = []
  const update = (text: string): void => void told.push(text)
  const artifact = place(context, [snapshotId])
  const { root, fileSystems } = await readDisk(calls, { world: t.world, artifact, into, update })
  assert.equal(
    fileSystems.map(({ mount, type }) => [mount, type]),
    [
      ['/', 'ext4'],
      ['/boot/efi', 'vfat'],
    ],
  )
  assert.is(await t.world.files.readText(join(root, 'etc/os-release')), 'ID=debian\n')
  assert.equal(
    (await readdir(into)).filter((name) => name.endsWith('.raw')),
    [],
  )
  assert.match(told[0] ?? '', /^reading snap-/)
})

reading('what a run keeps is not fetched again', async (context) => {
  const { calls, t, snapshotId } = context
  const keep = join(await folder(context), 'disk')
  const artifact = place(context, [snapshotId])
  const input = { world: t.world, artifact, keep }
  await readDisk(calls, { ...input, into: await folder(context) })
  const before = await blocksAsked()
  const { root } = await readDisk(calls, { ...input, into: await folder(context) })
  assert.is(await t.world.files.readText(join(root, 'etc/os-release')), 'ID=debian\n')
  assert.is(await blocksAsked(), before)
  assert.is((await t.world.files.info(keep))?.mode, 0o700)
  assert.equal(await readdir(keep), [`${snapshotId}.raw`])
})

reading(
  'a second disk may be there if it is empty; one that holds something is not skipped',
  async (context) => {
    const { calls, t, snapshotId } = context
    const second = await otherDisk(null)
    const two = { ...context, imageId: await withTwoDisks(snapshotId, second) }
    const { world } = t
    const artifact = place(two, [second, snapshotId])
    const { root } = await readDisk(calls, { world, artifact, into: await folder(context) })
    assert.is(await world.files.readText(join(root, 'etc/os-release')), 'ID=debian\n')

    const full = await otherDisk(Buffer.alloc(block, 'data'))
    const more = { ...context, imageId: await withTwoDisks(snapshotId, full) }
    const held = { world, artifact: place(more, [snapshotId, full]), into: await folder(context) }
    const error = await refusal(readDisk(calls, held))
    assert.is(error.code, 'TOOL_FAILED')
    assert.match(error.message, new RegExp(`something on a second disk, /dev/sdb \\(${full}\\)`))
  },
)

reading('every byte of all its disks can be searched, the system first', async (context) => {
  const { calls, t, snapshotId } = context
  const second = await otherDisk(Buffer.alloc(block, 'a secret'))
  const imageId = await withTwoDisks(snapshotId, second)
  const to = join(await folder(context), 'search.raw')
  await rawDisk(calls, { world: t.world, imageId, to })
  const file = await open(to)
  const [label, found] = [Buffer.alloc(8), Buffer.alloc(8)]
  await file.read(label, 0, 8, 512)
  await file.read(found, 0, 8, 2 ** 30 + 3 * block)
  await file.close()
  assert.equal([String(label), String(found)], ['EFI PART', 'a secret'])
})

reading('an image that is gone, or is of other snapshots, is said so', async (context) => {
  const { calls, t, snapshotId } = context
  const { world } = t
  const away = await refusal(rawDisk(calls, { world, imageId: gone, to: join(t.folder, 'gone.raw') }))
  assert.is(away.code, 'CHAIN_BROKEN')
  assert.match(away.message, /^ami-0+ is not in us-east-1 any more$/)
  const artifact = place(context, [snapshotId, 'snap-00000000000000000'])
  const other = await refusal(readDisk(calls, { world, artifact, into: await folder(context) }))
  assert.is(other.code, 'CHAIN_BROKEN')
  assert.match(other.message, /has the snapshots snap-\w+, not snap-\w+, snap-0+$/)
})

reading('a key that may not be used is named, with what to allow', async (context) => {
  const { KeyMetadata: key } = await kms().send(new CreateKeyCommand({}))
  const wanted = { SourceRegion: region, SourceSnapshotId: context.snapshotId, Encrypted: true }
  const { SnapshotId = '' } = await ec2().send(new CopySnapshotCommand({ ...wanted, KmsKeyId: key?.KeyId }))
  const whom = { CreateVolumePermission: { Add: [{ UserId: consumer }] } }
  await ec2().send(new ModifySnapshotAttributeCommand({ SnapshotId, ...whom }))
  const other = cloud().enter(consumer)
  const calls = awsCalls({ region, signal: context.t.world.signal })
  try {
    const artifact = place(context, [SnapshotId])
    const input = { world: context.t.world, artifact, into: await folder(context) }
    const error = await refusal(readDisk(calls, input))
    assert.is(error.code, 'PROVIDER_REFUSED')
    assert.match(error.message, /may not kms:Decrypt on arn:aws:kms:.*, which ebs:ListSnapshotBlocks needs$/)
    assert.match(error.lines[0] ?? '', /^\{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:/)
  } finally {
    calls.close()
    other.restore()
  }
})

reading.run()
