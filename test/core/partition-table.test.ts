import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { namesFileSystem, parseFstab } from '../../pipeline/core/parse-fstab.ts'
import { parsePartitionTable, parseTags } from '../../pipeline/core/partition-table.ts'

const test = suite('partition-table')

const entry = (number: number, start: number, size: number) => ({
  node: `/tmp/disk.raw${number}`,
  start,
  size,
  type: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  uuid: 'df4006de-fc07-0c49-8868-3f88f5bd14be',
})
const dump = (partitions: readonly unknown[], label = 'gpt', id = '') =>
  JSON.stringify({ partitiontable: { label, id, unit: 'sectors', sectorsize: 512, partitions } })

test('gives numbers and bytes, in the order of the disk', () => {
  const [first, second] = parsePartitionTable(dump([entry(1, 4096, 10), entry(15, 2048, 100)]), 1 << 30)
  assert.is(first?.number, 15)
  assert.is(first?.startBytes, 1_048_576)
  assert.is(second?.number, 1)
  assert.is(second?.bytes, 5120)
  assert.is(second?.type, '0FC63DAF-8483-4772-8E79-3D69D8477DE4')
  assert.is(second?.name, '')
})

test('reads an MBR: containers left out, ids as Linux makes them up', () => {
  const row = (number: number, start: number, size: number, type: string) => ({
    node: `/tmp/disk.raw${number}`,
    start,
    size,
    type,
  })
  const rows = [row(1, 2048, 100, '83'), row(2, 4096, 4096, 'f'), row(10, 4200, 100, '83')]
  const read = parsePartitionTable(dump(rows, 'dos', '0x00c0ffee'), 1 << 30)
  assert.equal(
    read.map(({ number, uuid, type }) => `${number} ${uuid} ${type}`),
    ['1 00C0FFEE-01 83', '10 00C0FFEE-0A 83'],
  )
  assert.throws(() => parsePartitionTable(dump([row(1, 1, 9, 'ee')], 'dos'), 1 << 30), /no valid one/)
})

test('refuses what is no table of this disk', () => {
  assert.throws(() => parsePartitionTable('no json', 1), /not JSON/)
  assert.throws(() => parsePartitionTable(dump([entry(1, 1, 1)], 'sun'), 1 << 20), /"sun", not gpt or dos/)
  assert.throws(() => parsePartitionTable(dump([]), 1 << 20), /empty/)
  assert.throws(() => parsePartitionTable(dump([entry(1, 0, 10), entry(2, 9, 1)]), 1 << 20), /overlaps/)
  assert.throws(() => parsePartitionTable(dump([entry(1, 0, 10)]), 5119), /ends at byte 5120/)
})

test('partitions that it gives never overlap nor leave the disk', () => {
  const sizes = fc.array(fc.record({ start: fc.nat(200), size: fc.integer({ min: 1, max: 50 }) }), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(sizes, (raw) => {
      const rows = raw.map(({ start, size }, index) => entry(index + 1, start, size))
      let read: ReturnType<typeof parsePartitionTable>
      try {
        read = parsePartitionTable(dump(rows), 200 * 512)
      } catch (cause) {
        void cause // refused: nothing is given
        return
      }
      let end = 0
      for (const { startBytes, bytes } of read) {
        assert.ok(startBytes >= end)
        end = startBytes + bytes
      }
      assert.ok(end <= 200 * 512)
    }),
  )
})

test('reads the tags of blkid', () => {
  assert.equal(parseTags('TYPE=ext4\nLABEL=my\\ root\nUUID=a=b\n'), {
    TYPE: 'ext4',
    LABEL: 'my root',
    UUID: 'a=b',
  })
})

test('reads fstab and finds the file system of a line', () => {
  const entries = parseFstab(
    '# comment\nUUID=AB-CD /boot/efi/ vfat umask=0077 0 1\n\nLABEL=data /srv/with\\040blank ext4 defaults\nnone none swap sw\n/dev/vda1 / ext4\n',
  )
  assert.equal(
    entries.map(({ mount }) => mount),
    ['/boot/efi', '/srv/with blank', '/'],
  )
  const identity = { uuid: 'ab-cd', label: 'data', partUuid: 'F00', partLabel: 'root' }
  assert.ok(namesFileSystem('UUID=AB-CD', identity))
  assert.ok(namesFileSystem('UUID="AB-CD"', identity))
  assert.ok(namesFileSystem('LABEL=data', identity))
  assert.ok(namesFileSystem('/dev/disk/by-partuuid/f00', identity))
  assert.ok(namesFileSystem('PARTLABEL=root', identity))
  const logical = { ...identity, devices: ['/dev/mapper/rl-data', '/dev/rl/data'] }
  assert.ok(namesFileSystem('/dev/rl/data', logical))
  assert.ok(namesFileSystem('/dev/mapper/rl-data', logical))
  assert.not.ok(namesFileSystem('/dev/mapper/rl-data', identity))
  assert.equal(entries[0]?.options, ['umask=0077'])
  assert.not.ok(namesFileSystem('LABEL=Data', identity))
  assert.not.ok(namesFileSystem('/dev/vda1', identity))
  assert.not.ok(namesFileSystem('UUID=', { ...identity, uuid: '' }))
  assert.throws(() => parseFstab('UUID=x /var/../../etc ext4 defaults\n'), /mount point/)
})

test.run()
