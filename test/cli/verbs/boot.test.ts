import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bootWith, run } from '../../../pipeline/cli/verbs/boot.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import { targets } from '../../../pipeline/targets/registry.ts'
import { events, memoryTarget, type Seen } from '../../helpers/memory-target.ts'
import { plainDefinition } from '../../helpers/plain-definition.ts'
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

boot('each machine is one of its own, also of the same image: what a target marks as its goes with it', () =>
  withWorld(async (test) => {
    const seen: Seen = { launched: [], stopped: 0 }
    const disk = join(test.folder, 'a.qcow2')
    await test.world.files.write(disk, '')
    const release = {
      image: 'ubuntu-22.04',
      version: '1.2.3',
      variant: 'aws/x86_64',
      artifact: '',
      record: '',
    }
    const verb = bootWith(async () => ({
      name: 'ubuntu-22.04@1.2.3',
      host: 'ubuntu-22-04',
      artifact: { format: 'qcow2', path: disk },
      definition: plainDefinition(),
      target: { ...targets.qemu, ...memoryTarget(test, {}, seen) },
      virtualBytes: 1,
      recorded: true,
      release,
    }))
    for (const _ of [1, 2]) await verb({ world: test.world, args: ['ubuntu-22.04'], options: {} })
    const ids = test.told.results.map(({ data }) => (data as { readonly instance: string }).instance)
    assert.is(new Set(ids).size, 2)
    assert.equal(
      seen.launched.map(({ run: of }) => of),
      ids.map((runId) => ({ image: 'ubuntu-22.04', runId, version: '1.2.3' })),
    )
  }),
)

boot('a machine in a cloud is entered by keys that its console confirmed, and nobody is asked', () =>
  withWorld(async (test) => {
    const verb = bootWith(async () => ({
      name: 'web@1.0.0',
      host: 'web',
      artifact: { format: 'qcow2', path: '' },
      definition: plainDefinition(),
      target: { ...targets.qemu, ...memoryTarget(test, { cloud: true }, { launched: [], stopped: 0 }) },
      virtualBytes: 1,
      recorded: true,
    }))
    await verb({ world: test.world, args: ['web@1.0.0'], options: {} })
    assert.ok(events(test.folder, 'web').includes('confirm host keys'))
    assert.match(
      test.told.results[0]?.text ?? '',
      / -o HostKeyAlias=i-0123 -o StrictHostKeyChecking=yes debian@127\.0\.0\.1$/,
    )
  }),
)

boot.run()
