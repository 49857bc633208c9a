import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CompleteSnapshotCommand,
  EBSClient,
  GetSnapshotBlockCommand,
  ListChangedBlocksCommand,
  ListSnapshotBlocksCommand,
  PutSnapshotBlockCommand,
  StartSnapshotCommand,
} from '@aws-sdk/client-ebs'
import { CopySnapshotCommand, RegisterImageCommand } from '@aws-sdk/client-ec2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { testWorld } from '../helpers/world.ts'
import { consumer, factory } from './stand-in.ts'
import { newName, errorCode, snapshotOf, withStandIn } from './under-test.ts'

// EBS direct: the blocks of a snapshot's own disk.
const blocks = suite('blocks of a snapshot')
const { cloud, ec2, imageOf } = withStandIn(blocks)

const size = 512 * 1024
const filled = (byte: number): Buffer => Buffer.alloc(size, byte)
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('base64')
const ebs = (account = factory): EBSClient => new EBSClient({ ...cloud().client(account), maxAttempts: 1 })

async function written(at: ReadonlyMap<number, Buffer>, ParentSnapshotId?: string): Promise<string> {
  const { SnapshotId } = await ebs().send(new StartSnapshotCommand({ VolumeSize: 1, ParentSnapshotId }))
  for (const [BlockIndex, BlockData] of at) {
    const checked = { Checksum: sha256(BlockData), ChecksumAlgorithm: 'SHA256', DataLength: size } as const
    await ebs().send(new PutSnapshotBlockCommand({ SnapshotId, BlockIndex, BlockData, ...checked }))
  }
  await ebs().send(new CompleteSnapshotCommand({ SnapshotId, ChangedBlocksCount: at.size }))
  return SnapshotId ?? ''
}

async function read(SnapshotId: string, index: number): Promise<Buffer> {
  const { Blocks = [] } = await ebs().send(
    new ListSnapshotBlocksCommand({ SnapshotId, StartingBlockIndex: index }),
  )
  const BlockToken = Blocks[0]?.BlockToken
  const { BlockData, Checksum } = await ebs().send(
    new GetSnapshotBlockCommand({ SnapshotId, BlockIndex: index, BlockToken }),
  )
  const data = Buffer.from((await BlockData?.transformToByteArray()) ?? [])
  assert.is(Checksum, sha256(data))
  return data
}

blocks('what a disk holds is listed and read; its holes are not', async () => {
  const test = await testWorld()
  try {
    const disk = join(test.folder, 'disk.raw')
    await test.world.exec.run(['truncate', '--size', String(300 * size), disk])
    await writeFile(disk, filled(7), { flag: 'r+' })
    for (let block = 100; block < 220; block += 1)
      await test.world.exec.run([
        'dd',
        'if=/dev/urandom',
        `of=${disk}`,
        'bs=512K',
        'count=1',
        `seek=${block}`,
        'conv=notrunc',
        'status=none',
      ])
    const [id] = await cloud().seed({ images: [{ name: 'with a disk', owner: '136693071363', disk }] })
    const SnapshotId = snapshotOf(await imageOf(id))
    const first = await ebs().send(new ListSnapshotBlocksCommand({ SnapshotId, MaxResults: 100 }))
    const { NextToken } = first
    const rest = await ebs().send(new ListSnapshotBlocksCommand({ SnapshotId, MaxResults: 100, NextToken }))
    assert.equal([first.BlockSize, first.VolumeSize, first.Blocks?.length], [size, 1, 100])
    const indices = [...(first.Blocks ?? []), ...(rest.Blocks ?? [])].map(({ BlockIndex }) => BlockIndex)
    assert.equal(indices, [0, ...Array.from({ length: 120 }, (_, at) => 100 + at)])
    assert.is(rest.NextToken, undefined)
    assert.ok((await read(SnapshotId, 0)).equals(filled(7)))
    const wrong = new GetSnapshotBlockCommand({
      SnapshotId,
      BlockIndex: 1,
      BlockToken: first.Blocks?.[0]?.BlockToken,
    })
    assert.is(await errorCode(ebs().send(wrong)), 'ValidationException')
  } finally {
    await test.close()
  }
})

blocks('blocks that are written make a snapshot, and an image of it', async () => {
  const parent = await written(
    new Map([
      [0, filled(1)],
      [5, filled(5)],
    ]),
  )
  const child = await written(
    new Map([
      [5, filled(6)],
      [9, filled(9)],
    ]),
    parent,
  )
  assert.ok((await read(child, 0)).equals(filled(1)))
  assert.ok((await read(child, 5)).equals(filled(6)))
  const compared = { FirstSnapshotId: parent, SecondSnapshotId: child }
  const { ChangedBlocks = [] } = await ebs().send(new ListChangedBlocksCommand(compared))
  assert.equal(
    ChangedBlocks.map((one) => [
      one.BlockIndex,
      one.FirstBlockToken !== undefined,
      one.SecondBlockToken !== undefined,
    ]),
    [
      [5, true, true],
      [9, false, true],
    ],
  )
  const { SnapshotId: copy = '' } = await ec2().send(
    new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: child }),
  )
  assert.ok((await read(copy, 9)).equals(filled(9)))
  const wanted = {
    Name: newName(),
    RootDeviceName: '/dev/xvda',
    Architecture: 'x86_64',
    VirtualizationType: 'hvm',
    EnaSupport: true,
    BootMode: 'uefi-preferred',
    ImdsSupport: 'v2.0',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: child } }],
  } as const
  const image = await imageOf(
    (
      await ec2().send(
        new RegisterImageCommand({ ...wanted, BlockDeviceMappings: [...wanted.BlockDeviceMappings] }),
      )
    ).ImageId,
  )
  assert.equal(
    [image.BootMode, image.ImdsSupport, image.EnaSupport, snapshotOf(image)],
    ['uefi-preferred', 'v2.0', true, child],
  )
})

blocks('a wrong checksum, a wrong count and somebody else are refused', async () => {
  const { SnapshotId } = await ebs().send(new StartSnapshotCommand({ VolumeSize: 1 }))
  const put = {
    SnapshotId,
    BlockIndex: 0,
    BlockData: filled(1),
    DataLength: size,
    ChecksumAlgorithm: 'SHA256',
  } as const
  assert.is(
    await errorCode(ebs().send(new PutSnapshotBlockCommand({ ...put, Checksum: sha256(filled(2)) }))),
    'ValidationException',
  )
  const complete = new CompleteSnapshotCommand({ SnapshotId, ChangedBlocksCount: 1 })
  assert.is(await errorCode(ebs().send(complete)), 'ValidationException')
  assert.is(await errorCode(ebs().send(new ListSnapshotBlocksCommand({ SnapshotId }))), 'ValidationException')
  await ebs().send(new CompleteSnapshotCommand({ SnapshotId, ChangedBlocksCount: 0 }))
  assert.is(
    await errorCode(ebs(consumer).send(new ListSnapshotBlocksCommand({ SnapshotId }))),
    'AccessDeniedException',
  )
  const missing = new ListSnapshotBlocksCommand({ SnapshotId: 'snap-00000000' })
  assert.is(await errorCode(ebs().send(missing)), 'ResourceNotFoundException')
})

blocks.run()
