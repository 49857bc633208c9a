import { createServer } from 'node:http'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Mirror } from '../../pipeline/core/apt-sources.ts'
import type { Definition } from '../../pipeline/model/definition.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { loadLock } from '../../pipeline/stages/base-lock.ts'
import { instanceKey } from '../../pipeline/stages/instance-key.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { readDisk } from '../../pipeline/targets/disk/read-disk.ts'
import type { Instance } from '../../pipeline/targets/instance.ts'
import { findMirror } from '../../pipeline/targets/qemu/archive/find-mirror.ts'
import { resolveBase } from '../../pipeline/targets/qemu/archive/resolve-base.ts'
import { launch } from '../../pipeline/targets/qemu/launch.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// A real bootstrap from the signed archive, and real boots of what it made. Needs a mirror; takes minutes without KVM.
const base = suite('base from the signed archive')

const image = 'debian-13'
const deadlineMs = 600_000

/** Hands requests on to the real mirror, so that any trace of the mirror in the disk is one of 127.0.0.1 and this port. */
async function passOn(
  real: Mirror,
): Promise<{ readonly name: string; readonly env: Record<string, string>; close(): void }> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    const rest = /^\/(debian|debian-security)(\/.*)$/.exec(path)
    const upstream = `${rest?.[1] === 'debian' ? real.archive : real.security}${rest?.[2] ?? ''}`
    fetch(upstream)
      .then(async (answer) => response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer())))
      .catch(() => response.writeHead(502).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const name = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  return {
    name,
    env: {
      MINTMARK_DEBIAN_MIRROR: `http://${name}/debian`,
      MINTMARK_DEBIAN_SECURITY_MIRROR: `http://${name}/debian-security`,
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

let test: TestWorld
let disk = ''
let boots = 0

base.before(async () => {
  test = await testWorld()
})
base.after(() => test.close())

async function resolveIn(world: World) {
  const definition = await loadDefinition(world, image)
  return resolveBase({
    world,
    image,
    definition,
    lock: await loadLock(world, image, 'qemu'),
    step: { update: () => undefined },
  })
}

base('is bootstrapped, recorded, and taken again while the archive stays the same', async () => {
  const mirror = await passOn(await findMirror(test.world))
  try {
    const world: World = {
      ...test.world,
      env: { ...test.world.env, ...mirror.env, TMPDIR: join(test.folder, 'scratch') },
    }
    const made = await resolveIn(world)
    assert.ok(made.from === 'archive')
    disk = made.disk.path
    const folder = join(world.places.bases, made.id)
    assert.equal(await world.files.list(folder), ['base.json', 'disk.qcow2', 'packages.tsv'])
    assert.equal(await world.files.list(world.places.bases), ['.lock', made.id])
    assert.equal(await world.files.list(join(test.folder, 'scratch')), [])
    assert.ok(made.disk.virtualBytes < 3 * 2 ** 30, 'fits a disk of 3G')
    assert.is(await world.files.sha256(join(folder, 'packages.tsv')), made.packages.sha256)
    const packages = (await world.files.readText(join(folder, 'packages.tsv'))).trimEnd().split('\n')
    assert.is(packages.length, made.packages.count)
    assert.ok(packages.every((line) => /^[a-z0-9.+-]+\t\S+\t(amd64|all)$/.test(line)))
    assert.ok(packages.some((line) => line.startsWith('cloud-init\t')))
    assert.is(
      packages.find((line) => line.startsWith('ifupdown\t')),
      undefined,
    )
    assert.not.match(await world.files.readText(join(folder, 'base.json')), mirror.name)

    // A point release may come in the minutes between: that is another base, which is then taken again in its turn.
    const next = await resolveIn(world)
    const again = next.id === made.id ? next : await resolveIn(world)
    assert.ok(next.from === 'archive')
    if (next.id !== made.id) assert.not.equal(next.suites, made.suites)
    assert.equal(again, next)
    disk = next.disk.path

    const into = await world.files.tempFolder('tree-', test.folder)
    const { root } = await readDisk(world, disk, into)
    const text = (path: string): Promise<string> => world.files.readText(join(root, path))
    const trace = await world.exec.run(['grep', '-rlF', '-e', mirror.name, root], { ok: 'any' })
    assert.is(trace.stdout, '', 'the mirror is nowhere in the disk')
    assert.match(await text('etc/apt/sources.list.d/debian.sources'), 'URIs: http://deb.debian.org/debian\n')
    assert.is(await world.files.info(join(root, 'etc/apt/sources.list')), null)
    assert.is(await text('etc/hostname'), 'localhost\n')
    assert.is(await text('etc/machine-id'), '')
    assert.is(
      await world.files.readLink(join(root, 'etc/resolv.conf')),
      '../run/systemd/resolve/stub-resolv.conf',
    )
    assert.equal(
      (await world.files.list(join(root, 'etc/ssh'))).filter((name) => name.startsWith('ssh_host')),
      [],
    )
    assert.equal(
      (await world.files.list(join(root, 'etc/apt/apt.conf.d'))).filter((name) =>
        name.includes('mmdebstrap'),
      ),
      [],
    )
    assert.is(await world.files.info(join(root, '.mintmark')), null)
  } finally {
    mirror.close()
  }
})

/** Boots the disk as a new machine; what the machine writes stays in `folder`, as the file `overlay.qcow2`. */
async function withMachine(
  machine: Definition['machine'],
  work: (instance: Instance, folder: string) => Promise<void>,
  from = disk,
): Promise<void> {
  assert.ok(from !== '', 'there is a base')
  const { world } = test
  const definition = { ...(await loadDefinition(world, image)), machine }
  const folder = await world.files.tempFolder('machine-', test.folder)
  const login = await instanceKey(world, folder, 'debian')
  boots += 1
  const instance = await launch({
    world,
    disk: from,
    definition,
    // A new instance to cloud-init, which lets the new key in.
    instance: `mm-base-${boots}`,
    login,
    folder,
    diskGiB: 4,
    link: false,
  })
  try {
    await instance.waitForLogin(deadlineMs)
    const status = await instance.ssh('cloud-init status --wait --long', { timeoutMs: 300_000 })
    assert.match(status.stdout, /^status: done$/m)
    assert.is(status.code, 0, `cloud-init has no complaint: ${status.stdout}`)
    await work(instance, folder)
  } finally {
    await instance.stop()
  }
}

const says = async (instance: Instance, command: string): Promise<string> =>
  (await instance.ssh(command, { timeoutMs: 120_000 })).stdout.trim()

base('boots under BIOS, grows its root, resolves by its stub, and listens on nothing but SSH', () =>
  withMachine({ firmware: 'bios', secureBoot: false, tpm: false }, async (instance) => {
    assert.is(await says(instance, 'test -d /sys/firmware/efi || echo bios'), 'bios')
    assert.ok(Number(await says(instance, 'df --output=size -B1 / | tail -1')) > 3.5 * 2 ** 30)
    assert.match(await says(instance, 'resolvectl dns eth0'), /\d+\.\d+\.\d+\.\d+/)
    assert.is(
      await says(
        instance,
        'systemctl is-active systemd-networkd systemd-resolved systemd-timesyncd | sort -u',
      ),
      'active',
    )
    assert.is(await says(instance, 'systemctl --failed --no-legend'), '')
    const listening = await says(
      instance,
      "ss -Hlntu | awk '{print $5}' | grep -vE '^(127\\.|\\[::1\\]|.*%lo:|.*%eth0:(68|546)$)' | sed 's/.*://' | sort -u",
    )
    assert.is(listening, '22')
    assert.match(await says(instance, 'cat /proc/cmdline'), 'console=tty0 console=ttyS0,115200 net.ifnames=0')
    assert.is(await says(instance, 'ls -ld /home/debian | cut -d" " -f3; sudo -n id -u'), 'debian\n0')
    assert.match(await says(instance, 'sudo grep ^debian: /etc/shadow'), /^debian:!/)
  }),
)

base('boots under UEFI', () =>
  withMachine({ firmware: 'uefi', secureBoot: false, tpm: false }, async (instance) => {
    assert.is(await says(instance, 'test -d /sys/firmware/efi && echo uefi'), 'uefi')
    assert.match(await says(instance, 'mokutil --sb-state'), 'SecureBoot disabled')
    assert.is(await says(instance, 'findmnt -no FSTYPE /boot/efi'), 'vfat')
  }),
)

base('boots with Secure Boot enforced, and again after what a kernel upgrade does', async () => {
  const machine = { firmware: 'uefi', secureBoot: true, tpm: false } as const
  const enforced = async (instance: Instance): Promise<void> => {
    assert.match(await says(instance, 'mokutil --sb-state'), 'SecureBoot enabled')
    assert.match(await says(instance, 'sudo dmesg'), /Secure boot enabled/i)
  }
  let upgraded = ''
  await withMachine(machine, async (instance, folder) => {
    await enforced(instance)
    // The hook that every kernel package runs; it replaces the first boot menu by one of update-grub.
    const hook = await instance.ssh(
      'sudo env DEB_MAINT_PARAMS=configure /etc/kernel/postinst.d/zz-update-grub $(uname -r)',
      { timeoutMs: 300_000 },
    )
    assert.is(hook.code, 0, hook.stderr)
    assert.match(
      await says(instance, 'sudo cat /boot/grub/grub.cfg'),
      /linux\s+\/boot\/vmlinuz-\S+ root=UUID=[0-9a-f-]+ ro console=tty0 console=ttyS0,115200 net\.ifnames=0/,
    )
    // Not a reboot: after one, emulated UEFI firmware needs minutes, and at times never comes back.
    await instance.ssh('sudo systemctl --no-block poweroff')
    let off = false
    void instance.ended.then(() => {
      off = true
    })
    for (const until = Date.now() + deadlineMs; !off && Date.now() < until; )
      await test.world.clock.sleep(500)
    assert.ok(off, 'it powered off')
    upgraded = join(folder, 'overlay.qcow2')
  })
  await withMachine(machine, enforced, upgraded)
})

base.run()
