import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { placesFrom } from '../../pipeline/ports/places.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { runHelper } from '../../pipeline/targets/qemu/helper/run-helper.ts'
import { readDisk } from '../../pipeline/targets/disk/read-disk.ts'
import { copyVolumes } from '../../pipeline/targets/disk/copy-volumes.ts'
import { ordinaryUser } from '../helpers/ordinary-user.ts'
import { refusal } from '../helpers/refusal.ts'
import { pem } from '../helpers/secret-samples.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

// Real disks as other distributions lay them out, made and read by the helper machine (some 10 s a boot under emulation).
const disks = suite<{ t: TestWorld; world: World; folder: string; disk: string }>('read disks')

const mib = 2 ** 20

/** GPT: BIOS boot, ESP (left empty), /boot of XFS, two physical volumes of one group, swap, btrfs. */
const table = `label: gpt
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649
start=4096, size=28672, type=uefi
size=300M, type=linux, name=root
size=400M, type=lvm
size=200M, type=lvm
size=16M, type=swap
size=128M, type=linux, name=data
`
const diskBytes = 1088 * mib

/** Runs in the helper machine. The root's journal is left dirty: the machine is switched off under it. */
const build = (secret: string): string => `
set -eux
mkswap \${DISK}6
mkfs.xfs -q -L boot \${DISK}3
mkdir -p /etc/lvm
echo 'devices { use_devicesfile=0 scan="/dev" } activation { udev_sync=0 udev_rules=0 monitoring=0 }' >/etc/lvm/lvm.conf
lvm pvcreate -q \${DISK}4 \${DISK}5
lvm vgcreate -q rl \${DISK}4 \${DISK}5
lvm lvcreate -qy -Zn -Wn -L 320M -n root rl
lvm lvcreate -qy -Zn -Wn -L 180M -n home-dirs rl \${DISK}5
lvm lvcreate -qy -Zn -Wn -L 12M -n swap rl
mkswap /dev/mapper/rl-swap
mkfs.xfs -q /dev/mapper/rl-root
mke2fs -q -t ext4 /dev/mapper/rl-home--dirs
mkfs.btrfs -q \${DISK}7
r=/mnt/root
mkdir -p $r /mnt/data
mount -t xfs /dev/mapper/rl-root $r
mount -t btrfs \${DISK}7 /mnt/data
btrfs subvolume create /mnt/data/@srv /mnt/data/@srv/inner
echo served >/mnt/data/@srv/inner/page
umount /mnt/data
mkdir -p $r/etc $r/usr/lib $r/boot $r/home $r/usr/bin $r/usr/locked $r/srv
printf 'ID=rocky\\nVERSION_ID="9.4"\\n' >$r/usr/lib/os-release
ln -s ../usr/lib/os-release $r/etc/os-release
cat >$r/etc/fstab <<END
/dev/mapper/rl-root / xfs defaults 0 0
LABEL=boot /boot xfs defaults 0 0
/dev/mapper/rl-home--dirs /home ext4 nodev 0 2
UUID=$(blkid -p -s UUID -o value \${DISK}7) /srv btrfs subvol=/@srv 0 0
END
mount -t xfs \${DISK}3 $r/boot
echo kernel >$r/boot/vmlinuz
umount $r/boot
mount -t ext4 /dev/mapper/rl-home--dirs $r/home
mkdir $r/home/team
chown 1000:1001 $r/home/team
umount $r/home
cp /usr/bin/busybox $r/usr/bin/su
chmod 4755 $r/usr/bin/su
ln $r/usr/bin/su $r/usr/bin/su2
mkfifo $r/usr/pipe
mknod $r/usr/null c 1 3
printf 'a' >"$r/usr/two
lines"
truncate -s 50M $r/usr/sparse
cat >$r/usr/locked/key <<'END'
${secret}END
chown 7:8 $r/usr/locked/key
chmod 0000 $r/usr/locked/key $r/usr/locked
sync
`

async function into(folder: string, name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  return path
}

const fileSystems = [
  { mount: '/', type: 'xfs', partition: 4, volume: 'rl/root' },
  { mount: '/boot', type: 'xfs', partition: 3 },
  { mount: '/home', type: 'ext4', partition: 4, volume: 'rl/home-dirs' },
  { mount: '/srv', type: 'btrfs', partition: 7, volume: '@srv' },
]

/** A copy of the disk in which some bytes are other ones. */
async function spoilt(world: World, disk: string, name: string, command: string): Promise<string> {
  const copy = disk.replace(/disk\.qcow2$/, `${name}.qcow2`)
  await cp(disk, copy)
  await world.exec.run(['qemu-io', '-f', 'qcow2', '-c', command, copy])
  return copy
}

disks.before(async (context) => {
  const t = await testWorld()
  const { helpers } = placesFrom(process.env, checkout)
  const world = { ...t.world, places: { ...t.world.places, helpers } }
  const folder = await mkdtemp(join(tmpdir(), 'mintmark-disks-'))
  const disk = join(folder, 'disk.qcow2')
  Object.assign(context, { t, world, folder, disk })
  const raw = join(folder, 'disk.raw')
  await world.exec.run(['truncate', '-s', String(diskBytes), raw])
  await world.exec.run(['sfdisk', '-q', raw], { input: table })
  await world.exec.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, disk])
  const job = join(folder, 'build.sh')
  await writeFile(job, build(pem('RSA PRIVATE KEY')))
  await runHelper({ world, job, words: '', disk, folder, outBytes: mib, deadlineMs: 300_000 })
  const said = await world.files.readText(join(folder, 'helper-console.log'))
  assert.match(said, /mintmark: the job ended with exit code 0/)
})
disks.after(async ({ t, folder }) => {
  await t.close()
  await rm(folder, { recursive: true, force: true })
})

disks(
  'XFS, LVM and btrfs become one tree, journals replayed, and the disk stays as it is',
  async ({ world, folder, disk }) => {
    const before = await world.files.sha256(disk)
    const top = await into(folder, 'tree')
    const read = await readDisk(world, disk, top)
    assert.equal(
      [...read.fileSystems].sort((a, b) => (a.mount < b.mount ? -1 : 1)),
      fileSystems,
    )
    assert.is(await world.files.sha256(disk), before)
    const { stdout } = await world.exec.run(
      [
        ...(read.asOwned ?? []),
        'find',
        '.',
        '-mindepth',
        '2',
        '!',
        '-name',
        'lost+found',
        '-printf',
        String.raw`%y %m %U:%G %P\0`,
      ],
      { cwd: read.root },
    )
    assert.equal(
      stdout
        .split('\0')
        .filter((row) => row !== '')
        .sort(),
      [
        'd 0 0:0 usr/locked',
        'd 755 0:0 srv/inner',
        'd 755 0:0 usr/bin',
        'd 755 0:0 usr/lib',
        'd 755 1000:1001 home/team',
        'f 0 7:8 usr/locked/key',
        'f 4755 0:0 usr/bin/su',
        'f 4755 0:0 usr/bin/su2',
        'f 644 0:0 boot/vmlinuz',
        'f 644 0:0 etc/fstab',
        'f 644 0:0 srv/inner/page',
        'f 644 0:0 usr/lib/os-release',
        'f 644 0:0 usr/sparse',
        'f 644 0:0 usr/two\nlines',
        'l 777 0:0 etc/os-release',
      ],
    )
    assert.is(await world.files.readText(join(read.root, 'srv/inner/page')), 'served\n')
    const sparse = await world.files.info(join(read.root, 'usr/sparse'))
    assert.is(sparse?.size, 50 * mib)
    assert.ok((sparse?.onDisk ?? mib) < mib)
    assert.equal(
      (await world.files.list(top)).filter((name) => !/^(?:root|owners\.fakeroot)$/.test(name)),
      [],
    )

    // A secret that only root of the image could read is seen by the scanner.
    const trivy = await world.tools.need('trivy')
    const argv = [trivy.path, 'rootfs', '--quiet', '--scanners', 'secret', '--format', 'json', read.root]
    assert.match((await world.exec.run(argv)).stdout, /usr\/locked\/key/)
  },
)

disks('an ordinary user reads the same', async ({ world, folder, disk }) => {
  if (!world.exec.isRoot) return // then the test above was it
  const user = await ordinaryUser(world, folder)
  await cp(world.places.helpers, join(user.home, 'cache/mintmark/helpers'), { recursive: true })
  const printed = await user.run(
    `import { placesFrom } from '${user.modules}/pipeline/ports/places.ts'
import { testWorld } from '${user.modules}/test/helpers/world.ts'
import { readDisk } from '${user.modules}/pipeline/targets/disk/read-disk.ts'
const t = await testWorld()
const world = { ...t.world, places: { ...t.world.places, helpers: placesFrom(process.env, '/').helpers } }
const { root, fileSystems, asOwned = [] } = await readDisk(world, process.argv[2] ?? '', process.argv[3] ?? '')
const names = ['usr/locked/key', 'usr/locked', 'usr/bin/su', 'usr/bin/su2', 'home/team', 'srv'].map((name) => root + '/' + name)
const stat = await world.exec.run([...asOwned, 'stat', '-c', '%a %u:%g', ...names])
console.log(JSON.stringify({ root: world.exec.isRoot, mounts: fileSystems.length, owned: stat.stdout, key: (await world.files.readText(root + '/usr/locked/key')).slice(0, 10) }))
await t.close()
`,
    [disk, await into(user.home, 'tree')],
  )
  assert.equal(JSON.parse(printed), {
    root: false,
    mounts: fileSystems.length,
    owned: '0 7:8\n0 0:0\n4755 0:0\n4755 0:0\n755 1000:1001\n755 0:0\n',
    key: '-----BEGIN',
  })
})

disks('a volume group that lacks a disk is an error', async ({ world, folder, disk }) => {
  const lacking = await spoilt(world, disk, 'lacking', 'write -z 716M 200M')
  const cause = await refusal(readDisk(world, lacking, await into(folder, 'lacking')))
  assert.match(cause.message, /volume group rl lacks 1 of its physical volumes/)
})

disks('a damaged XFS is an error, not a smaller tree', async ({ world, folder, disk }) => {
  const damaged = await spoilt(world, disk, 'damaged', 'write -P 0x5a 16448k 64k')
  const cause = await refusal(readDisk(world, damaged, await into(folder, 'damaged')))
  assert.match(cause.message, /^partition 3 (?:is damaged|can not be mounted as xfs)/)
  assert.ok(cause.lines.length > 0)
})

disks('a machine that hangs is ended by the deadline', async ({ world, folder, disk }) => {
  const cause = await refusal(
    copyVolumes({
      world,
      disk,
      format: 'qcow2',
      diskBytes,
      usedBytes: mib,
      folder: await into(folder, 'hangs'),
      partitions: [3],
      prefix: [],
      deadlineMs: 1500,
    }),
  )
  assert.is(cause.code, 'TOOL_FAILED')
  assert.match(cause.message, /was stopped after 1\.5 s before its job was done/)
})

disks.run()
