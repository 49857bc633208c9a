import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../../pipeline/errors.ts'
import { instanceKey } from '../../../pipeline/stages/instance-key.ts'
import { launch } from '../../../pipeline/targets/qemu/launch.ts'
import { startTpm } from '../../../pipeline/targets/qemu/tpm.ts'
import { plainDefinition } from '../../helpers/plain-definition.ts'
import { testWorld } from '../../helpers/world.ts'

// Real swtpm and QEMU; test/slow/layout boots a system that uses it.
const tpm = suite('tpm')

tpm('is one of its own for each machine, private, and dies with it', async () => {
  const test = await testWorld()
  const { world } = test
  try {
    const folder = await world.files.tempFolder('machine-', test.folder)
    const disk = join(folder, 'disk.qcow2')
    await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '1G'])
    const definition = plainDefinition({
      hardening: { profiles: ['baseline'] },
      machine: { firmware: 'uefi', secureBoot: true, tpm: true },
    })
    const started: number[] = []
    const start: typeof world.exec.start = (argv, options) => {
      const running = world.exec.start(argv, options)
      if (argv[0] === 'swtpm') started.push(running.pid)
      return running
    }
    const login = await instanceKey(world, folder, 'debian')
    const instance = await launch({
      world: { ...world, exec: { ...world.exec, start } },
      disk,
      definition,
      instance: 'mm-tpm',
      login,
      folder,
      diskGiB: 2,
      link: false,
    })
    assert.is(started.length, 1)
    assert.is((await world.files.info(join(folder, 'tpm')))?.mode, 0o700)
    const [pid] = started
    assert.ok(await world.files.info(`/proc/${pid}`))
    await instance.stop()
    assert.is(await world.files.info(`/proc/${pid}`), null)
    const all = await world.exec.run(['ps', '-eo', 'args'])
    assert.not.match(all.stdout, join(folder, 'tpm'))
  } finally {
    await test.close()
  }
})

tpm('without swtpm the one command is told; a broken one says why', async () => {
  const test = await testWorld()
  const { world } = test
  const code = async (work: Promise<unknown>): Promise<MintmarkError> =>
    work.then(
      () => assert.unreachable(),
      (cause) => cause,
    ) as Promise<MintmarkError>
  const places = { state: join(test.folder, 'tpm'), socket: join(test.folder, 'socket') }
  try {
    const none = { ...world, exec: { ...world.exec, which: async () => null } }
    const missing = await code(startTpm(none, places))
    assert.equal([missing.code, missing.hint], ['TOOL_MISSING', './mintmark setup --for tpm --yes'])
    const broken = await code(startTpm(world, { ...places, socket: join(test.folder, 'no/such/folder') }))
    assert.is(broken.code, 'TOOL_FAILED')
    assert.ok(broken.lines.length > 0)
  } finally {
    await test.close()
  }
})

tpm.run()
