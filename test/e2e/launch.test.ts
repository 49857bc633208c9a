import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as mintmarkBoot } from '../../pipeline/cli/verbs/boot.ts'
import {
  lookScript,
  parseAnswers,
  parseCloudInit,
  parseListening,
  parseRootSize,
} from '../../pipeline/core/ssh-answers.ts'
import { ArchiveBase } from '../../pipeline/model/base.ts'
import type { Definition } from '../../pipeline/model/definition.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import { instanceKey } from '../../pipeline/stages/instance-key.ts'
import { loadDefinition, loadLock } from '../../pipeline/stages/load-definition.ts'
import { resolveBase } from '../../pipeline/targets/qemu/archive/resolve-base.ts'
import { launch } from '../../pipeline/targets/qemu/launch.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

// Boots the real base of debian-13: not hardened, but with everything that launching relies on.
const launching = suite('launch of a real image')

const image = 'debian-13'
const deadlineMs = 480_000

/** The newest base that this machine has, else a new one. */
async function baseDisk(test: TestWorld, definition: Definition): Promise<ArchiveBase> {
  const bases = placesFrom(process.env, checkout).bases
  const world = { ...test.world, places: { ...test.world.places, bases } }
  const found: ArchiveBase[] = []
  for (const name of await world.files.list(bases)) {
    const path = join(bases, name, 'base.json')
    if ((await world.files.info(path)) === null) continue
    const base = ArchiveBase.parse(JSON.parse(await world.files.readText(path)))
    if (base.release === definition.os.release) found.push(base)
  }
  const [newest] = found.sort((a, b) => (a.bootstrapped < b.bootstrapped ? 1 : -1))
  if (newest !== undefined) return newest
  const lock = await loadLock(world, image)
  return resolveBase({ world, image, definition, lock, step: { update: () => undefined } })
}

launching('a new instance answers, is new, and shows its ports on the link', async () => {
  const test = await testWorld()
  const { world } = test
  try {
    const definition = await loadDefinition(world, image)
    const base = await baseDisk(test, definition)
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
    const base = await baseDisk(test, await loadDefinition(world, image))
    const personal = join(test.folder, 'id_ed25519')
    await world.exec.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', personal])
    const options = { key: personal, timeout: String(deadlineMs / 1000) }
    const ended = mintmarkBoot({ world, args: [base.disk.path], options })
    while (told.results.length === 0) {
      await Promise.race([world.clock.sleep(200), ended])
    }
    const [result] = told.results
    const { ssh } = (result?.data ?? {}) as { readonly ssh: readonly string[] }
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
