import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/boot.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

// What is refused before a machine is started; test/e2e/launch.test.ts boots one.
const boot = suite('boot')

async function refusal(
  test: TestWorld,
  args: readonly string[],
  options: Record<string, string> = {},
): Promise<MintmarkError> {
  try {
    await run({ world: test.world, args, options })
  } catch (cause) {
    if (cause instanceof MintmarkError) return cause
    throw cause
  }
  throw new Error('it should have been refused')
}

async function withWorld(work: (test: TestWorld) => Promise<void>): Promise<void> {
  const test = await testWorld()
  try {
    await work(test)
  } finally {
    await test.close()
  }
}

boot('needs a reference', () =>
  withWorld(async (test) => {
    assert.is((await refusal(test, [])).code, 'USAGE')
  }),
)

boot('an unknown release is not found', () =>
  withWorld(async (test) => {
    assert.is((await refusal(test, ['debian-99'])).code, 'NOT_FOUND')
    assert.is((await refusal(test, ['/nowhere/image.qcow2'])).code, 'NOT_FOUND')
  }),
)

boot('options are checked before anything is done', () =>
  withWorld(async (test) => {
    assert.match((await refusal(test, ['x'], { timeout: 'soon' })).message, '--timeout is soon')
    assert.match((await refusal(test, ['x'], { memory: '64' })).message, '--memory is 64')
    assert.match((await refusal(test, ['x'], { key: join(test.folder, 'none') })).message, 'none.pub')
    const odd = join(test.folder, 'odd.pub')
    await test.world.files.write(odd, 'ssh-ed25519 AAAA me\nruncmd: [evil]\n')
    assert.match((await refusal(test, ['x'], { key: odd })).message, 'no public key of OpenSSH')
  }),
)

boot('a file that reads other files is not started', () =>
  withWorld(async (test) => {
    const { world, folder } = test
    const base = join(folder, 'base.qcow2')
    const child = join(folder, 'child.qcow2')
    await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', base, '1G'])
    await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, child])
    const error = await refusal(test, [child])
    assert.is(error.code, 'USAGE')
    assert.match(error.hint, 'qemu-img convert')
    const raw = join(folder, 'raw.qcow2')
    await world.files.write(raw, 'no image')
    assert.is((await refusal(test, [raw])).code, 'USAGE')
  }),
)

boot.run()
