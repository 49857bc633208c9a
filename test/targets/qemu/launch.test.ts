import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { instanceKey } from '../../../pipeline/stages/instance-key.ts'
import type { Instance, LaunchInput } from '../../../pipeline/targets/instance.ts'
import { launch } from '../../../pipeline/targets/qemu/launch.ts'
import { plainDefinition } from '../../helpers/plain-definition.ts'
import { refusal } from '../../helpers/refusal.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

// Real QEMU with an empty disk: its firmware finds nothing to boot, which is all that these tests need.
const launching = suite('launch')

const definition = plainDefinition()

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

launching(
  'a machine that never answers is told by its deadline, and leaves its image untouched',
  async () => {
    const test = await testWorld()
    try {
      const { instance, folder, disk } = await emptyMachine(test)
      const before = await test.world.files.sha256(disk)
      const error = await refusal(instance.waitForLogin(1500))
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
    const waiting = refusal(instance.waitForLogin(60_000))
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
    const error = await refusal(emptyMachine(test, { memoryMiB: -5 }))
    assert.is(error.code, 'TOOL_FAILED')
    assert.match(error.lines.join('\n'), 'qemu-system-x86_64')
  } finally {
    await test.close()
  }
})

launching('powered on again it goes on from its disk, and keeps or forgets what it writes', async () => {
  const test = await testWorld()
  const { world } = test
  try {
    const first = await emptyMachine(test)
    await first.instance.stop()
    const overlay = join(first.folder, 'overlay.qcow2')
    await world.exec.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 7 0 64k', overlay])
    const lived = await world.files.sha256(overlay)
    const again = async (how: 'keeps' | 'forgets', disk: string): Promise<string> => {
      const folder = first.folder
      const login = await instanceKey(world, await world.files.tempFolder('key-', test.folder), 'debian')
      const input = { world, disk: first.disk, definition, instance: 'mm-test', login, folder, diskGiB: 2 }
      const machine = await launch({ ...input, link: false, again: how })
      await machine.stop()
      const read = ['qemu-io', '-r', '-f', 'qcow2', '-c', 'read -P 7 0 64k', join(folder, disk)]
      return (await world.exec.run(read)).stdout
    }
    assert.not.match(await again('forgets', 'forgotten.qcow2'), 'Pattern verification failed')
    await world.exec.run([
      'qemu-io',
      '-f',
      'qcow2',
      '-c',
      'write -P 9 0 64k',
      join(first.folder, 'forgotten.qcow2'),
    ])
    assert.is(await world.files.sha256(overlay), lived, 'nothing of it is in the disk that lives on')
    assert.not.match(await again('forgets', 'forgotten.qcow2'), 'Pattern verification failed')
    assert.not.match(await again('keeps', 'overlay.qcow2'), 'Pattern verification failed')
  } finally {
    await test.close()
  }
})

launching.run()
