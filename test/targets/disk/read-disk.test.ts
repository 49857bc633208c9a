import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readDisk } from '../../../pipeline/targets/disk/read-disk.ts'
import { ordinaryUser } from '../../helpers/ordinary-user.ts'
import { refusal } from '../../helpers/refusal.ts'
import { makeDisk, smallTree } from '../../helpers/small-disk.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

const test = suite<{ t: TestWorld; disks: string }>('read-disk')

/** Shell only here, in a test: it makes the odd names that a real image could hold. */
const oddTree = `
set -eu
cd "$1"
mkdir -p etc boot/efi usr/bin usr/locked root
printf 'ID=debian\\nVERSION_ID="12"\\n' > etc/os-release
printf '# comment\\nUUID=\${ROOT} / ext4 defaults 0 1\\nUUID=25A4-EAD4 /boot/efi vfat umask=0077 0 1\\n' > etc/fstab
ln -s /etc/passwd etc/absolute
ln -s ../../../../../../../../etc usr/upwards
echo secret > root/key
cp /bin/true usr/bin/su; chmod 4755 usr/bin/su; ln usr/bin/su usr/bin/su2
echo x > 'usr/bin/ünï 文 "q" \\b'
printf 'a' > "usr/two
lines"
printf '' > usr/empty
ln -s "$(printf 'x%.0s' $(seq 200))" usr/long-link
mkfifo usr/pipe
echo y > usr/locked/file
chmod 0640 etc/fstab
`

async function into(folder: string, name: string): Promise<string> {
  const path = join(folder, `into-${name}`)
  await mkdir(path)
  return path
}

test.before(async (context) => {
  context.t = await testWorld()
  context.disks = await mkdtemp(join(tmpdir(), 'mintmark-disks-'))
})
test.after(async ({ t, disks }) => {
  await t.close()
  await rm(disks, { recursive: true, force: true })
})

test('copies every file system with modes, odd names and links as they are', async ({ t, disks }) => {
  const tree = join(disks, 'odd')
  await mkdir(tree)
  await t.world.exec.run(['sh', '-c', oddTree, 'sh', tree])
  const disk = await makeDisk(t, disks, {
    name: 'odd',
    tree,
    esp: true,
    edit: ['sif /root/key mode 0100000', 'sif /usr/locked mode 040000'],
  })
  const read = await readDisk(t.world, disk, await into(disks, 'odd'))
  assert.equal(read.fileSystems, [
    { mount: '/', type: 'ext4', partition: 3 },
    { mount: '/boot/efi', type: 'vfat', partition: 2 },
  ])
  const { files } = t.world
  const info = (path: string) => files.info(join(read.root, path))
  assert.is(await files.readText(join(read.root, 'boot/efi/EFI/BOOT/BOOTX64.EFI')), 'boot code')
  assert.is((await info('etc/absolute'))?.kind, 'link')
  assert.is(await files.readLink(join(read.root, 'etc/absolute')), '/etc/passwd')
  assert.is((await info('usr/upwards'))?.kind, 'link')
  assert.is((await files.readLink(join(read.root, 'usr/long-link'))).length, 200)
  assert.is((await info('usr/bin/ünï 文 "q" \\b'))?.size, 2)
  assert.is((await info('usr/two\nlines'))?.size, 1)
  assert.is((await info('usr/empty'))?.size, 0)
  assert.is((await info('usr/pipe')) ?? null, null)
  const shown = await t.world.exec.run([
    ...(read.asOwned ?? []),
    'stat',
    '-c',
    '%a %n',
    ...['usr/bin/su', 'usr/bin/su2', 'root/key', 'usr/locked', 'etc/fstab'].map((path) =>
      join(read.root, path),
    ),
  ])
  assert.equal(
    shown.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
    ['4755', '4755', '0', '0', '640'],
  )
  // Whoever we are, the scanner can read it.
  assert.is(await files.readText(join(read.root, 'root/key')), 'secret\n')
  assert.is(await files.readText(join(read.root, 'usr/locked/file')), 'y\n')
  assert.equal(
    (await files.list(join(read.root, '..'))).filter((name) => /raw|debugfs|partition/.test(name)),
    [],
  )
})

test('an ordinary user reads the same tree, with the owners shown by asOwned', async ({ t, disks }) => {
  if (!t.world.exec.isRoot) return // then the test above was it
  const user = await ordinaryUser(t.world, disks)
  const printed = await user.run(
    `import { testWorld } from '${user.modules}/test/helpers/world.ts'
import { readDisk } from '${user.modules}/pipeline/targets/disk/read-disk.ts'
const t = await testWorld()
const read = await readDisk(t.world, process.argv[2] ?? '', process.argv[3] ?? '')
const stat = await t.world.exec.run([...(read.asOwned ?? []), 'stat', '-c', '%a %u', read.root + '/root/key', read.root + '/usr/bin/su', read.root + '/usr/locked'])
console.log(JSON.stringify({ modes: stat.stdout, key: await t.world.files.readText(read.root + '/root/key'), root: t.world.exec.isRoot }))
await t.close()
`,
    [join(disks, 'odd.qcow2'), await into(user.home, 'x')],
  )
  assert.equal(JSON.parse(printed), { modes: '0 0\n4755 0\n0 0\n', key: 'secret\n', root: false })
})

test('newer ext4 features do not upset the count', async ({ t, disks }) => {
  const tree = await smallTree(disks, 'orphan')
  const disk = await makeDisk(t, disks, { name: 'orphan', tree, features: 'orphan_file,metadata_csum_seed' })
  const read = await readDisk(t.world, disk, await into(disks, 'orphan'))
  assert.is((await t.world.files.info(join(read.root, 'etc/os-release')))?.size, 10)
})

test('a damaged file system is an error, not a smaller tree', async ({ t, disks }) => {
  const tree = await smallTree(disks, 'spoilt')
  const disk = await makeDisk(t, disks, { name: 'spoilt', tree, spoilMiB: [1, 3] })
  const cause = await refusal(readDisk(t.world, disk, await into(disks, 'spoilt')))
  assert.is(cause.code, 'TOOL_FAILED')
  assert.match(cause.message, /partition 2/)
})

test('a file system of its own lies at its mount point, with the mode and owner of its root folder', async ({
  t,
  disks,
}) => {
  const tree = await smallTree(disks, 'apart')
  await mkdir(join(tree, 'var/tmp'), { recursive: true })
  const uuid = '11111111-2222-3333-4444-555555555555'
  await writeFile(join(tree, 'etc/fstab'), `UUID=${uuid} /var/tmp ext4 nosuid,nodev,noexec 0 2\n`)
  const apart = join(disks, 'apart-tmp')
  await mkdir(join(apart, 'kept'), { recursive: true })
  const script = `
    mke2fs -q -t ext4 -U ${uuid} -d "$1" "$2"
    for field in 'mode 041777' 'uid 12' 'gid 34'; do debugfs -w -R "set_inode_field <2> $field" "$2"; done`
  const secondFs = ['sh', '-c', script, 'sh', apart]
  const disk = await makeDisk(t, disks, { name: 'apart', tree, secondFs })
  const { root, fileSystems, asOwned = [] } = await readDisk(t.world, disk, await into(disks, 'apart'))
  assert.equal(
    fileSystems.map(({ mount, type }) => `${mount} ${type}`),
    ['/ ext4', '/var/tmp ext4'],
  )
  assert.is((await t.world.files.info(join(root, 'var/tmp/kept')))?.kind, 'folder')
  const seen = await t.world.exec.run([...asOwned, 'stat', '-c', '%a %u:%g', root, join(root, 'var/tmp')])
  assert.is(seen.stdout, '755 0:0\n1777 12:34\n')
})

test('what holds no files is left out: swap, and a partition of zeros', async ({ t, disks }) => {
  const tree = await smallTree(disks, 'swap')
  for (const [name, second] of [
    ['swap', ['mkswap', '-q']],
    ['zeros', ['truncate', '-s', '4M']],
  ] as const) {
    const disk = await makeDisk(t, disks, { name, tree, secondFs: second })
    const read = await readDisk(t.world, disk, await into(disks, name))
    assert.equal(
      read.fileSystems.map(({ partition }) => partition),
      [2],
    )
  }
})

/** Shell of a test: bytes at an offset make blkid see what no program here can make. */
const write = (bytes: string, at: number) => [
  'sh',
  '-c',
  `printf '${bytes}' | dd of="$1" bs=1 seek=${at} conv=notrunc`,
  'sh',
]

test('what can not be read is named, with what to do, and never skipped', async ({ t, disks }) => {
  const tree = await smallTree(disks, 'unknown')
  for (const [name, second, message, hint] of [
    ['luks', write('LUKS\\272\\276\\000\\001', 0), /partition 3 holds "crypto_LUKS"/, /without LUKS/],
    [
      'noise',
      ['sh', '-c', 'dd if=/dev/urandom of="$1" bs=1M count=4', 'sh'],
      /partition 3 holds something/,
      /mintmark reads/,
    ],
    [
      'hibernated',
      ['sh', '-c', 'mkswap -q "$1" && printf S1SUSPEND | dd of="$1" bs=1 seek=4086 conv=notrunc', 'sh'],
      /"swsuspend"/,
      /memory/,
    ],
  ] as const) {
    const disk = await makeDisk(t, disks, { name, tree, secondFs: second })
    const cause = await refusal(readDisk(t.world, disk, await into(disks, name)))
    assert.match(cause.message, message)
    assert.match(cause.hint, hint)
  }
})

test('a file system in a partition for BIOS boot code is an error', async ({ t, disks }) => {
  const tree = await smallTree(disks, 'bios')
  const disk = await makeDisk(t, disks, {
    name: 'bios',
    tree,
    secondType: '21686148-6449-6E6F-744E-656564454649',
    secondFs: ['mke2fs', '-q', '-t', 'ext4'],
  })
  const cause = await refusal(readDisk(t.world, disk, await into(disks, 'bios')))
  assert.match(cause.message, /partition 3 is for BIOS boot code, but holds "ext4"/)
})

test('a disk with an MBR is read, its file systems found by the ids that Linux makes up', async ({
  t,
  disks,
}) => {
  const tree = await smallTree(disks, 'mbr')
  await mkdir(join(tree, 'srv'))
  await writeFile(join(tree, 'etc/fstab'), 'PARTUUID=1234abcd-05 /srv ext4 defaults 0 2\n')
  const disk = await makeDisk(t, disks, {
    name: 'mbr',
    tree,
    label:
      'label: dos\nlabel-id: 0x1234abcd\nstart=8192, size=49152, type=83\nstart=57344, size=20480, type=5\nstart=65536, size=8192, type=83\n',
    secondFs: ['mke2fs', '-q', '-t', 'ext4'],
  })
  const read = await readDisk(t.world, disk, await into(disks, 'mbr'))
  assert.equal(read.fileSystems, [
    { mount: '/', type: 'ext4', partition: 1 },
    { mount: '/srv', type: 'ext4', partition: 5 },
  ])
})

test('a file system that no mount names is refused', async ({ t, disks }) => {
  const tree = await smallTree(disks, 'loose')
  const disk = await makeDisk(t, disks, { name: 'loose', tree, secondFs: ['mke2fs', '-q', '-t', 'ext4'] })
  const cause = await refusal(readDisk(t.world, disk, await into(disks, 'loose')))
  assert.match(cause.message, /partition 3 \(ext4\) is in no line/)
})

test('a mount point that is a link out of the tree is refused', async ({ t, disks }) => {
  const tree = await smallTree(disks, 'escape')
  const outside = join(disks, 'outside')
  await mkdir(join(outside, 'efi'), { recursive: true })
  await t.world.exec.run(['ln', '-s', outside, join(tree, 'boot')])
  const disk = await makeDisk(t, disks, { name: 'escape', tree, esp: true })
  const cause = await refusal(readDisk(t.world, disk, await into(disks, 'escape')))
  assert.match(cause.message, /leads through a link/)
  assert.equal(await t.world.files.list(join(outside, 'efi')), [])
})

test('a disk without os-release, one with a backing file and one that is no disk are refused', async ({
  t,
  disks,
}) => {
  const tree = join(disks, 'nothing')
  await mkdir(tree)
  const none = await makeDisk(t, disks, { name: 'none', tree })
  assert.match((await refusal(readDisk(t.world, none, await into(disks, 'none')))).message, /os-release/)
  const overlay = join(disks, 'overlay.qcow2')
  await t.world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', none, overlay])
  assert.match((await refusal(readDisk(t.world, overlay, await into(disks, 'over')))).message, /not whole/)
  const text = join(disks, 'text.qcow2')
  await writeFile(text, 'not a disk')
  assert.is((await refusal(readDisk(t.world, text, await into(disks, 'text')))).code, 'TOOL_FAILED')
})

test.run()
