import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as mintmarkBoot } from '../../pipeline/cli/verbs/boot.ts'
import { type BootSeen, bootFacts } from '../../pipeline/core/boot-facts.ts'
import {
  lookScript,
  parseAnswers,
  parseCloudInit,
  parseListening,
  parseRootSize,
} from '../../pipeline/core/ssh-answers.ts'
import { instanceKey } from '../../pipeline/stages/instance-key.ts'
import { findInstance } from '../../pipeline/stages/instances.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { askPeer } from '../../pipeline/stages/test-peer.ts'
import type { Instance } from '../../pipeline/targets/instance.ts'
import { launch } from '../../pipeline/targets/qemu/launch.ts'
import { baseDisk } from '../helpers/base-disk.ts'
import { viaRegistry } from '../helpers/pulled-disk.ts'
import { testWorld } from '../helpers/world.ts'

// Boots the real base of debian-13: not hardened, but with everything that launching relies on.
const launching = suite('launch of a real image')

const image = 'debian-13'
const deadlineMs = 480_000

/** Says what it hears, on all addresses and on the loopback alone. */
const planted = `
import socketserver, threading
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(data, self.client_address)
class Nothing(socketserver.BaseRequestHandler):
    def handle(self):
        pass
for kind, handler, address in (
    (socketserver.TCPServer, Nothing, ('0.0.0.0', 5555)),
    (socketserver.TCPServer, Nothing, ('127.0.0.1', 5556)),
    (socketserver.UDPServer, Echo, ('0.0.0.0', 1900)),
    (socketserver.UDPServer, Echo, ('127.0.0.1', 5060)),
):
    threading.Thread(target=kind(address, handler).serve_forever).start()
`

/** Listeners that nobody declared are found from outside, and what the instance asks of the peer is answered. */
async function plantedIsCaught(machine: Instance, before: BootSeen['answers']): Promise<void> {
  await machine.ssh('cat >/tmp/planted.py', { input: planted })
  const start = 'sudo -n systemd-run --quiet --unit=planted python3 /tmp/planted.py'
  const up = 'until ss -Hlun | grep -q 127.0.0.1:5060; do sleep 0.2; done'
  const lists = 'ss -Hltn; echo @@; ss -Hlun'
  const { stdout } = await machine.ssh(`${start} && timeout 60 sh -c '${up}'; ${lists}`)
  const [tcp = '', udp = ''] = stdout.split('@@\n')
  const answers = {
    ...before,
    listening: { text: tcp, code: 0 },
    'listening-udp': { text: udp, code: 0 },
  }
  const openPorts = (await machine.link?.openTcpPorts([22, 5555, 5556, 5557])) ?? []
  assert.equal(openPorts, [22, 5555])
  const peer = await askPeer(machine, answers)
  assert.equal(peer.udp?.open, [1900])
  // Without a firewall the system itself says of the others that they are closed, each time it is asked.
  assert.equal(peer.udp?.silent, [])
  const seen: BootSeen = {
    instance: 'mm-e2e',
    secondsToLogin: 30,
    problem: '',
    answers,
    rootLogin: null,
    loginMethods: null,
    openPorts,
    scanProblem: '',
    ownTests: [],
    peer,
  }
  const facts = bootFacts([seen], {
    user: 'debian',
    image,
    version: '1.0.0',
    ports: [22],
    imageBytes: 0,
    excepted: [],
    tests: [],
  })
  const told = (id: string): string => {
    const fact = facts.find((one) => one.id === id)
    return `${fact?.status}: ${fact?.found}`
  }
  assert.is(told('only-declared-ports'), 'fail: open: 22, 5555; not declared: 5555')
  assert.is(told('only-declared-udp-ports'), 'fail: answer: 1900 (ssdp)')
  assert.is(told('dns-works'), 'pass: peer.mintmark.test is 192.0.2.1, by systemd-resolved')
  assert.match(told('time-sync-works'), /^pass: systemd-timesyncd moved the clock by (?:29|30)\d s$/)
}

launching('a new instance answers, is new, and shows its ports on the link', async () => {
  const test = await testWorld()
  const { world } = test
  try {
    const definition = await loadDefinition(world, image)
    const base = await baseDisk(test, image, definition)
    const before = await world.files.sha256(base.disk.path)
    const folder = await world.files.tempFolder('machine-', test.folder)
    const login = await instanceKey(world, folder, 'debian')
    const diskGiB = Math.ceil(base.disk.virtualBytes / 2 ** 30) + 1
    const disk = base.disk.path
    const machine = await launch({
      world,
      disk,
      definition,
      instance: 'mm-e2e',
      login,
      folder,
      diskGiB,
      link: true,
    })
    assert.ok((await machine.waitForLogin(deadlineMs)) > 1)
    assert.is(await machine.link?.reachable(20_000), true)

    const { stdout } = await machine.ssh(lookScript, { timeoutMs: 300_000 })
    const answers = parseAnswers(stdout)
    assert.is(answers['user']?.text, 'debian')
    assert.is(answers['sudo']?.text, '0')
    assert.is(answers['password']?.text, '!')
    assert.is(answers['instance-id']?.text, 'mm-e2e')
    assert.match(answers['machine-id']?.text ?? '', /^[0-9a-f]{32}$/)
    const cloud = parseCloudInit(answers['cloud-result']?.text ?? '', answers['cloud-status']?.text ?? '')
    assert.equal(cloud?.errors, [])
    // The base may be of any layout: the root comes last, after file systems that have a size of their own.
    const size = parseRootSize(answers['root-size']?.text ?? '')
    assert.ok(size, answers['root-size']?.text)
    const little = 64 * 2 ** 20
    assert.is(size.diskBytes, diskGiB * 2 ** 30)
    assert.ok(size.diskBytes - size.endBytes < little, JSON.stringify(size))
    assert.ok(size.partitionBytes - size.fileSystemBytes < little, JSON.stringify(size))

    const began = Date.now()
    const all = Array.from({ length: 65_535 }, (_, at) => at + 1)
    const open = await machine.link?.openTcpPorts(all, { timeoutMs: 180_000 })
    // Without a firewall, what listens is what answers.
    assert.equal(open, parseListening(answers['listening']?.text ?? ''))
    assert.ok(open?.includes(22))
    assert.ok(Date.now() - began < 120_000)
    await plantedIsCaught(machine, answers)

    const exit = await machine.ssh('cat; exit 7', { input: 'given' })
    assert.equal([exit.code, exit.stdout], [7, 'given'])
    assert.ok((await machine.console(5)).length > 0)
    await machine.ssh('sudo -n systemctl --no-block poweroff')
    await machine.ended
    assert.is(await world.files.sha256(disk), before, 'the image is as it was')
  } finally {
    await test.close()
  }
})

launching('boot prints the ssh line of a machine that is gone after its guest powers off', async () => {
  const test = await testWorld()
  const { world, told } = test
  try {
    const base = await baseDisk(test, image, await loadDefinition(world, image))
    // As KubeVirt's users get it: pushed as a containerDisk, pulled and unpacked.
    const disk = await viaRegistry(test, base)
    assert.is(await world.files.sha256(disk), base.disk.sha256)
    const personal = join(test.folder, 'id_ed25519')
    await world.exec.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', personal])
    const options = { key: personal, timeout: String(deadlineMs / 1000) }
    const ended = mintmarkBoot({ world, args: [disk], options })
    while (told.results.length === 0) {
      await Promise.race([world.clock.sleep(200), ended])
    }
    const [result] = told.results
    const { ssh, instance } = (result?.data ?? {}) as {
      readonly ssh: readonly string[]
      readonly instance: string
    }
    const machine = await findInstance(world, instance)
    assert.equal([machine?.name, machine?.release], [disk, null])
    assert.is(result?.text, ssh.join(' '))
    // As a person would, with the person's own key, and with the host's key already known.
    const [program = '', ...rest] = ssh
    const strict = ['-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes']
    // The machine may be gone before its ssh has said goodbye: 255.
    const who = await world.exec.run(
      [program, ...strict, ...rest, 'id -un; sudo -n systemctl --no-block poweroff'],
      { ok: [0, 255] },
    )
    assert.is(who.stdout.trim(), 'debian')
    assert.is(await ended, 0)
    assert.equal(await world.files.list(join(dirname(world.places.runs), 'machines')), [])
    assert.ok(told.lines.some((line) => line.includes('no signed record')))
  } finally {
    await test.close()
  }
})

launching.run()
