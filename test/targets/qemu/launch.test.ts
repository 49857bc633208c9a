import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../../pipeline/errors.ts'
import { Definition } from '../../../pipeline/model/definition.ts'
import { instanceKey } from '../../../pipeline/stages/instance-key.ts'
import { launch } from '../../../pipeline/targets/qemu/launch.ts'
import type { Instance, LaunchInput } from '../../../pipeline/targets/target.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

// Real QEMU with an empty disk: its firmware finds nothing to boot, which is all that these tests need.
const launching = suite('launch')

const definition = Definition.parse({
  schema: 1,
  owner: 'team-platform',
  os: { family: 'debian', release: '13', arch: ['x86_64'] },
  base: { from: 'archive' },
  hardening: { profiles: ['cis-l2-server'] },
  targets: { qemu: {} },
})

async function emptyMachine(
  { world, folder: parent }: TestWorld,
  change: Partial<LaunchInput> = {},
): Promise<{ readonly instance: Instance; readonly folder: string; readonly disk: string }> {
  const folder = await world.files.tempFolder('machine-', parent)
  const disk = join(folder, 'disk.qcow2')
  await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '1G'])
  const login = await instanceKey(world, folder, 'debian')
  const input = { world, disk, definition, instance: 'mm-test', login, folder, diskGiB: 2, link: true }
  return { instance: await launch({ ...input, ...change }), folder, disk }
}

async function rejection(work: Promise<unknown>): Promise<MintmarkError> {
  try {
    await work
  } catch (cause) {
    assert.instance(cause, MintmarkError)
    return cause as MintmarkError
  }
  throw new assert.Assertion({
    message: 'it should have been rejected',
    operator: 'throws',
    generated: false,
  } as never)
}

launching(
  'a machine that never answers is told by its deadline, and leaves its image untouched',
  async () => {
    const test = await testWorld()
    try {
      const { instance, folder, disk } = await emptyMachine(test)
      const before = await test.world.files.sha256(disk)
      const error = await rejection(instance.waitForLogin(1500))
      assert.is(error.code, 'TOOL_FAILED')
      assert.match(error.message, /mm-test did not answer as debian within 1\.5 s/)
      assert.match(error.hint, join(folder, 'console.log'))
      assert.is(await instance.link?.reachable(200), false)
      await instance.stop()
      await instance.stop()
      assert.is(await test.world.files.sha256(disk), before)
      assert.is((await test.world.files.info(join(folder, 'key')))?.mode, 0o600)
    } finally {
      await test.close()
    }
  },
)

launching('a machine that ends by itself is told at once, not at the deadline', async () => {
  const test = await testWorld()
  try {
    const { instance } = await emptyMachine(test)
    const waiting = rejection(instance.waitForLogin(60_000))
    await instance.stop()
    await instance.ended
    assert.match((await waiting).message, /mm-test ended after .* without a login/)
  } finally {
    await test.close()
  }
})

launching('a port that somebody took meanwhile is replaced by another', async () => {
  const test = await testWorld()
  const squatter = createServer()
  try {
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
    const address = squatter.address()
    const taken = typeof address === 'object' && address !== null ? address.port : 0
    const { net } = test.world
    if (net === undefined) throw new Error('the test world has sockets')
    let asked = 0
    const world = {
      ...test.world,
      net: { ...net, freePort: async () => (asked++ === 0 ? taken : net.freePort()) },
    }
    const { instance } = await emptyMachine({ ...test, world })
    assert.is(asked, 2)
    assert.is.not(instance.port, taken)
    await instance.stop()
  } finally {
    squatter.close()
    await test.close()
  }
})

launching("what QEMU can't open is told with QEMU's own words", async () => {
  const test = await testWorld()
  try {
    const error = await rejection(emptyMachine(test, { memoryMiB: -5 }))
    assert.is(error.code, 'TOOL_FAILED')
    assert.match(error.lines.join('\n'), 'qemu-system-x86_64')
  } finally {
    await test.close()
  }
})

launching.run()
