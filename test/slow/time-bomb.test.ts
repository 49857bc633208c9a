import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { scenarioFacts } from '../../pipeline/core/scenario-facts.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { type BootInput, lookAtBoot } from '../../pipeline/stages/test-facts.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { baseDisk } from '../helpers/base-disk.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// What the test stage's own way with an instance finds, on a real base that nothing hardens.
const bombs = suite('time bombs')

const image = 'debian-13'

async function inputFor(test: TestWorld, disk: string, tests: readonly unknown[]): Promise<BootInput> {
  const { world, folder } = test
  const definition = await loadDefinition(world, image)
  return {
    world,
    target: targets.qemu,
    definition: { ...definition, test: Definition.shape.test.parse(tests) },
    artifact: { format: 'qcow2', path: disk },
    instance: 'mm-bomb',
    run: { image, runId: '20261122t031500-ab12cd34', version: null },
    folder: join(folder, 'machine'),
    consoleLog: join(folder, 'console.log'),
    diskGiB: 9,
    scenario: 'later',
    onLogin: () => undefined,
  }
}

bombs('a password age that shuts keys out is found on a later day, and nowhere else', async () => {
  const test = await testWorld()
  try {
    const base = await baseDisk(test, image, await loadDefinition(test.world, image))
    // As a hardening guide has it, for an account that has no password.
    const plant = { run: 'chage -M 90 -I 30 debian' }
    const { boot, later } = await lookAtBoot(await inputFor(test, base.disk.path, [plant]))
    assert.type(boot.secondsToLogin, 'number', boot.problem)
    assert.is(boot.answers['user']?.text, 'debian')
    assert.is(boot.answers['sudo']?.text, '0')
    assert.equal(boot.ownTests, [{ kind: 'exit', code: 0, output: '', late: false }])

    const facts = scenarioFacts({ upgraded: null, later }, { user: 'debian' })
    const fact = (id: string) => facts.find((each) => each.id === id)
    assert.is(later?.days, 430)
    assert.is(fact('later-login')?.status, 'fail', JSON.stringify(fact('later-login')))
    assert.match(fact('later-login')?.found ?? '', /lets debian in no more: Your account has expired/)
    assert.is(fact('later-root')?.status, 'fail')
    assert.is(fact('full-login')?.status, 'pass', JSON.stringify(fact('full-login')))
    assert.is(fact('full-reboot-login')?.status, 'pass', 'today the same disk lets its user in')
    const console = await test.world.files.readText(join(test.folder, 'console-later.log'))
    assert.match(console, /Started .*ssh\.service/, 'it had come up, and only the login was refused')
  } finally {
    await test.close()
  }
})

bombs('a disk that nothing starts from ends by the deadline, with what its console said', async () => {
  const test = await testWorld()
  try {
    const disk = join(test.folder, 'empty.qcow2')
    await test.world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '1G'])
    const began = Date.now()
    const input = await inputFor(test, disk, [])
    const { boot, later, upgraded } = await lookAtBoot({ ...input, diskGiB: 2, deadlineMs: 6000 })
    assert.ok(Date.now() - began < 60_000)
    assert.equal([boot.secondsToLogin, later, upgraded], [null, null, null])
    assert.match(boot.problem, /did not answer as debian within 6 s/)
    assert.match(boot.problem, /stayed silent|No bootable device/)
    assert.is(await test.world.files.info(input.folder), null)
  } finally {
    await test.close()
  }
})

bombs.run()
