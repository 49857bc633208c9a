import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sshOptions } from '../../../pipeline/targets/guest/ssh-client.ts'
import { firmwareOf, needFirmware } from '../../../pipeline/targets/qemu/firmware.ts'
import { type Machine, machineArgv } from '../../../pipeline/targets/qemu/machine.ts'
import { seedFiles, writeSeed } from '../../../pipeline/targets/qemu/seed.ts'
import { testWorld } from '../../helpers/world.ts'

const machine = suite('machine')

const plain: Machine = {
  name: 'mm-1-a',
  accelerator: 'tcg',
  memoryMiB: 1024,
  cpus: 2,
  firmware: null,
  secureBoot: false,
  overlay: '/run/overlay.qcow2',
  seed: '/run/seed.img',
  consoleLog: '/run/console.log',
  sshPort: 40001,
  linkSocket: '/tmp/mm-x/link',
  tpm: null,
  clock: null,
  cutOff: false,
}

/** All values that an option is given. */
const values = (argv: readonly string[], option: string): readonly string[] =>
  argv.flatMap((word, at) => (word === option ? [argv[at + 1] ?? ''] : []))

machine('forwards on the loopback only, and nothing else listens', () => {
  const argv = machineArgv(plain)
  const forwards = argv.filter((word) => word.includes('hostfwd'))
  assert.is(forwards.length, 1)
  assert.match(forwards[0] ?? '', 'hostfwd=tcp:127.0.0.1:40001-:22')
  for (const word of ['-vnc', '-monitor', '-qmp', '-spice', '-gdb']) assert.not.ok(argv.includes(word), word)
  assert.equal(values(argv, '-display'), ['none'])
})

machine('more ports are forwarded where they are asked for, on the loopback too', () => {
  const forwarded = new Map([
    [443, 40002],
    [8080, 40003],
  ])
  const [user = ''] = values(machineArgv({ ...plain, forwarded }), '-netdev')
  assert.equal(user.split(',').slice(3), [
    'hostfwd=tcp:127.0.0.1:40001-:22',
    'hostfwd=tcp:127.0.0.1:40002-:443',
    'hostfwd=tcp:127.0.0.1:40003-:8080',
  ])
})

machine('never opens the image itself: the overlay takes the writes, the seed is read-only', () => {
  const drives = values(machineArgv(plain), '-drive')
  assert.equal(drives, [
    'if=none,id=root,file=/run/overlay.qcow2,format=qcow2,discard=unmap,cache=unsafe',
    'if=none,id=seed,file=/run/seed.img,format=raw,readonly=on',
  ])
})

machine('has the processor of its accelerator', () => {
  assert.equal(values(machineArgv(plain), '-cpu'), ['max'])
  const kvm = machineArgv({ ...plain, accelerator: 'kvm' })
  assert.equal([values(kvm, '-cpu'), values(kvm, '-accel')], [['host'], ['kvm']])
})

machine('has no second network without a link', () => {
  assert.is(values(machineArgv(plain), '-netdev').length, 2)
  assert.is(values(machineArgv({ ...plain, linkSocket: null }), '-netdev').length, 1)
})

machine('shows the true time and a way out, unless it is to show another day and to stay alone', () => {
  assert.equal(values(machineArgv(plain), '-rtc'), [])
  assert.not.match(values(machineArgv(plain), '-netdev')[0] ?? '', 'restrict')
  const later = machineArgv({ ...plain, clock: new Date('2028-02-29T23:59:58.7Z'), cutOff: true })
  assert.equal(values(later, '-rtc'), ['base=2028-02-29T23:59:58,clock=vm'])
  assert.match(values(later, '-netdev')[0] ?? '', /^user,id=user,ipv6=off,restrict=on,hostfwd=/)
})

machine('Secure Boot protects its variables', () => {
  const firmware = firmwareOf({ firmware: 'uefi', secureBoot: true })
  const argv = machineArgv({ ...plain, firmware, secureBoot: true })
  assert.equal(values(argv, '-machine'), ['q35,smm=on'])
  assert.ok(values(argv, '-global').includes('driver=cfi.pflash01,property=secure,value=on'))
  assert.match(values(argv, '-drive')[0] ?? '', /unit=0,format=raw,readonly=on,file=.*secboot/)
  assert.is(firmwareOf({ firmware: 'bios', secureBoot: false }), null)
})

machine('has a TPM where there is one, by a socket', () => {
  assert.not.ok(machineArgv(plain).includes('-tpmdev'))
  const argv = machineArgv({ ...plain, tpm: { state: '/run/m/tpm', socket: '/tmp/mm,x/tpm' } })
  assert.equal(
    [values(argv, '-chardev'), values(argv, '-tpmdev')],
    [['socket,id=tpm,path=/tmp/mm,,x/tpm'], ['emulator,id=tpm,chardev=tpm']],
  )
  assert.ok(values(argv, '-device').includes('tpm-crb,tpmdev=tpm'))
})

machine('a comma in a path is no new option', () => {
  const drives = values(machineArgv({ ...plain, overlay: '/a,readonly=on/o.qcow2' }), '-drive')
  assert.match(drives[0] ?? '', 'file=/a,,readonly=on/o.qcow2,format')
})

machine("finds Debian's firmware files, and names the one that is missing", async () => {
  const { world, close } = await testWorld()
  try {
    for (const secureBoot of [false, true]) {
      assert.is.not(await needFirmware(world, { firmware: 'uefi', secureBoot }), null)
    }
    const none = { ...world, files: { ...world.files, info: async () => null } }
    let code = ''
    await needFirmware(none, { firmware: 'uefi', secureBoot: false }).catch((cause) => {
      code = cause.code
    })
    assert.is(code, 'TOOL_MISSING')
  } finally {
    await close()
  }
})

const seedInput = { instance: 'mm-1-a', authorizedKeys: ['ssh-ed25519 AAAA "quoted" #x'], link: true }

machine('the seed gives keys and networks, and no more', () => {
  const files = seedFiles(seedInput)
  const user = JSON.parse((files['user-data'] ?? '').replace('#cloud-config\n', ''))
  assert.equal(user, { ssh_authorized_keys: seedInput.authorizedKeys })
  assert.equal(JSON.parse(files['meta-data'] ?? ''), { 'instance-id': 'mm-1-a', 'local-hostname': 'mm-1-a' })
  const network = JSON.parse(files['network-config'] ?? '')
  assert.is(network.ethernets.eth0.dhcp4, true)
  assert.equal(network.ethernets.eth1.addresses, ['192.0.2.2/24'])
  assert.is(network.ethernets.eth1.optional, true)
  assert.is(
    JSON.parse(seedFiles({ ...seedInput, link: false })['network-config'] ?? '').ethernets.eth1,
    undefined,
  )
})

machine("the seed's disk is labelled and readable with the real tools", async () => {
  const { world, folder, close } = await testWorld()
  try {
    const path = join(folder, 'seed.img')
    await writeSeed(world, path, seedInput)
    await writeSeed(world, path, seedInput) // again over the old one
    assert.match((await world.exec.run(['mdir', '-b', '-i', path])).stdout, 'user-data')
    assert.match((await world.exec.run(['blkid', '-o', 'value', '-s', 'LABEL', path])).stdout, 'CIDATA')
    const read = await world.exec.run(['mtype', '-i', path, '::/network-config'])
    assert.is(read.stdout, seedFiles(seedInput)['network-config'])
  } finally {
    await close()
  }
})

machine('the ssh client asks nobody and uses the one key', () => {
  const login = { user: 'debian', publicKey: '', privateKey: '/run/m/key' }
  const options = sshOptions({ port: 40001, login, folder: '/run/m y' })
  for (const wanted of [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'UserKnownHostsFile="/run/m y/known_hosts"',
  ]) {
    assert.ok(options.includes(wanted), wanted)
  }
})

machine.run()
