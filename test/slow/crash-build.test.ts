import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { image } from '../helpers/prepared-run.ts'
import {
  listing,
  orphansAfter,
  type RealCli,
  realCheckout,
  realCli,
  run,
  start,
} from '../helpers/real-cli.ts'

/**
 * One release with a real bootstrap, Packer and QEMU, killed at ten points on its way; after each the same command is given again.
 * Once it is Ctrl-C instead. What the last one ends with has to be what an undisturbed release ends with.
 */
const crashing = suite<{ cli: RealCli; folder: string }>('killed while it builds')

crashing.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-crash-'))
  await realCheckout(join(context.folder, 'checkout'))
  context.cli = await realCli(join(context.folder, 'own'), join(context.folder, 'checkout'))
})
crashing.after(({ folder }) => rm(folder, { recursive: true, force: true }))

/** The line that it is killed after, and how many seconds later. */
const points: readonly (readonly [RegExp, number])[] = [
  [/^ {2}base .*checking the signatures/m, 0],
  [/^ {2}base .*(?:installing|extracting|downloading)/m, 3],
  [/^✓ base /m, 0],
  [/^✓ render /m, 0.5],
  [/^ {2}build .*\(1 of/m, 5],
  [/^ {2}build .*\(3 of/m, 2],
  [/^✓ build /m, 0.2],
  [/^ {2}test .*waiting for a login/m, 5],
  [/^ {2}test .*1 of 2 instances answered/m, 1],
  [/^ {2}test .*2 of 2 instances answered/m, 20],
]

const args = ['release', image, '--yes']
const wait = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

for (const [line, seconds] of points)
  crashing(`${seconds} s after ${line}: nothing is left running`, async ({ cli }) => {
    const started = start(cli, args)
    assert.ok(await started.says(line), started.said())
    await Promise.race([wait(seconds), started.ended])
    started.child.kill('SIGKILL')
    assert.is((await started.ended).signal, 'SIGKILL', started.said())
    assert.equal(await orphansAfter(cli.folder, 1500), [])
  })

crashing('Ctrl-C while machines run ends all within 5 s', async ({ cli }) => {
  const started = start(cli, args)
  assert.ok(await started.says(/^ {2}test .*waiting for a login/m), started.said())
  await wait(5)
  const began = performance.now()
  started.child.kill('SIGINT')
  const ended = await started.ended
  assert.ok(performance.now() - began < 5000, `${performance.now() - began} ms`)
  assert.is(ended.code, 130, ended.stderr)
  assert.match(ended.stderr, 'run the same command again')
  assert.equal(await orphansAfter(cli.folder, 1500), [])
})

crashing('the same command then comes to its end, once', async ({ cli }) => {
  const ended = await run(cli, [...args, '--json'])
  assert.is(ended.code, 0, ended.stderr)
  assert.match(ended.stderr, /✓ build .*\(done before\)/)
  assert.is(JSON.parse(ended.stdout).version, '1.0.0')
  const paths = await listing(cli)
  assert.equal(
    paths.filter((path) => /\.tmp$|p[0-9a-f]{6}-[0-9a-z]+-[0-9a-z]+|overlay|\/scan-|\.sock/.test(path)),
    [],
  )
  assert.equal(
    paths.filter((path) => /reservation\.json$|x86_64\.dsse\.json$|\/0000\d\d\.dsse\.json$/.test(path))
      .length,
    3,
    'one reservation, one record, one move of the channel',
  )
  const verified = await run(cli, ['verify', image])
  assert.is(verified.code, 0, verified.stderr)
})

crashing.run()
