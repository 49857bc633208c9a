import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  killedThenAgain,
  momentOf,
  type Reference,
  reference,
  scanned,
  sharedImages,
  stopAt,
} from '../helpers/crash.ts'
import { image, type Prepared, preparedRun } from '../helpers/prepared-run.ts'
import { orphansAfter, restore, run, start, stored } from '../helpers/real-cli.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

/** The real command line, killed: a sample of what test/slow/crash.test.ts does at every moment. */
interface Context {
  t: TestWorld
  prepared: Prepared
  fromScan: Reference
  afterScan: Reference
}

const killing = suite<Context>('killed')

killing.before(async (context) => {
  context.t = await testWorld()
  context.prepared = await preparedRun(context.t, sharedImages)
  context.fromScan = await reference(context.prepared)
  context.afterScan = await reference(await scanned(context.prepared))
})
killing.after(({ t }) => t.close())

/** Before what it is killed; the report is half written by then. */
const moments = [
  ['the version is reserved', /link .*reservation\.json$/, 'fromScan'],
  ['a report is whole', /writeFile .*report\.md/, 'afterScan'],
  ['the image is in the catalog', /rename .*blobs\/sha256/, 'afterScan'],
  ['the record is written', /link .*releases.*\.dsse\.json$/, 'afterScan'],
  ['the channel points to it', /rename .*channels/, 'afterScan'],
] as const

for (const [what, sign, from] of moments)
  killing(`before ${what}: the same command comes to the same end`, async (context) => {
    const at = context[from].changes.findIndex((change) => sign.test(change)) + 1
    assert.ok(at > 0, 'there is such a change')
    const how = sign.source.startsWith('writeFile') ? 'torn' : 'kill'
    const { killed } = await killedThenAgain(context[from], stopAt(at, how), momentOf(context[from], at))
    assert.is(killed.signal, 'SIGKILL')
  })

killing('while Trivy looks at the disk, nothing is left of either', async ({ fromScan }) => {
  const { killed } = await killedThenAgain(fromScan, {}, async ({ child, says }) => {
    assert.ok(await says(/scanning packages/))
    child.kill('SIGKILL')
    return 'while it scans'
  })
  assert.is(killed.signal, 'SIGKILL')
})

for (const [signal, code, word] of [
  ['SIGINT', 130, 'INTERRUPTED'],
  ['SIGTERM', 143, 'TERMINATED'],
  ['SIGHUP', 143, 'TERMINATED'],
] as const)
  killing(
    `${signal} while it scans ends it within 5 s, clears away and says how to go on`,
    async ({ prepared }) => {
      await restore(prepared.start)
      const started = start(prepared.cli, prepared.args())
      assert.ok(await started.says(/scanning packages/), started.said())
      const began = performance.now()
      started.child.kill(signal)
      // A terminal that is closed sends it several times: by its shell, and by the kernel.
      for (let more = 1; signal === 'SIGHUP' && more <= 3; more += 1) {
        await new Promise((resolve) => setTimeout(resolve, 30))
        started.child.kill(signal)
      }
      const ended = await started.ended
      assert.ok(performance.now() - began < 5000, `${performance.now() - began} ms`)
      // One that comes after its last word, when Node has let go of its handlers, ends it by itself.
      if (signal !== 'SIGHUP' || ended.signal !== signal) assert.is(ended.code, code, ended.stderr)
      assert.match(ended.stderr, `error[${word}] stopped`)
      assert.match(ended.stderr, 'run the same command again: it goes on where it stopped')
      assert.equal(await orphansAfter(prepared.cli.folder, 1500), [])
      const { stdout } = await prepared.cli.exec([
        'find',
        'state',
        'tmp',
        '-name',
        'scan-*',
        '-o',
        '-name',
        '*.tmp',
      ])
      assert.is(stdout, '')
    },
  )

killing(
  'a second release of the same image is told who is at it; one of another image works beside it',
  async ({ prepared }) => {
    const { cli, args } = prepared
    await restore(prepared.start)
    const first = start(cli, args())
    assert.ok(await first.says(/^ {2}scan /m), first.said())
    // However slow this machine is, the first one is still at it when the second one looks.
    first.child.kill('SIGSTOP')
    const second = await run(cli, args())
    const beside = start(cli, args('other-12'))
    first.child.kill('SIGCONT')
    const other = await beside.ended
    assert.is(second.code, 4, second.stderr)
    assert.match(
      second.stderr,
      /error\[BUSY\] another run has held .*debian-12\/lock for 2 s: process \d+, run \d{8}-\d{6}/,
    )
    assert.match(second.stderr, `process ${first.child.pid},`)
    assert.is(other.code, 0, other.stderr)
    assert.is((await first.ended).code, 0, first.said())
    for (const name of [image, 'other-12']) {
      const verified = await run(cli, ['verify', name])
      assert.is(verified.code, 0, verified.stderr)
      const pointer = JSON.parse(await stored(cli, `channels/${name}/nightly/qemu-x86_64.json`))
      assert.is(pointer.version, '1.0.0')
    }
  },
)

killing.run()
