import { chmod, mkdir, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { scanned } from '../helpers/crash.ts'
import { fullDisk, readOnly, smallFiles, withoutPowers } from '../helpers/limits.ts'
import { image, type Prepared, preparedRun } from '../helpers/prepared-run.ts'
import { type Ended, listing, restore, run } from '../helpers/real-cli.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

/** Disks that are full or read-only, and a network that goes away, under the real command line: mounts and limits of the kernel. */
interface Context {
  t: TestWorld
  /** Its scan is done: what is left are reports, blobs, the key, the record. */
  prepared: Prepared
}

const failing = suite<Context>('faults')

failing.before(async (context) => {
  context.t = await testWorld()
  context.prepared = await scanned(await preparedRun(context.t))
})
failing.after(({ t }) => t.close())
failing.before.each(({ prepared }) => restore(prepared.start))

const catalogOf = ({ cli }: Prepared): string => join(cli.folder, 'data/mintmark/catalog')

/** What a killed or failed writer may leave nowhere. */
async function nothingHalf({ cli }: Prepared): Promise<void> {
  const half = (await listing(cli)).filter((path) => /\.tmp$|\/incoming\/./.test(path))
  assert.equal(half, [])
}

function refused(ended: Ended, exit: number, said: RegExp): void {
  assert.match(ended.stderr, said)
  assert.is(ended.code, exit, ended.stderr)
  assert.match(ended.stderr, /\n {2}→ \S/, 'it says what to do')
  assert.not.match(ended.stderr, /\bat .*\.js:\d+/, 'no trace of the program')
}

/** The fault is over: the same command does the rest, and what is there is whole. */
async function wholeAfterwards({ cli, args }: Prepared): Promise<void> {
  const again = await run(cli, args())
  assert.is(again.code, 0, again.stderr)
  const verified = await run(cli, ['verify', image])
  assert.is(verified.code, 0, verified.stderr)
  const keys = (await listing({ ...cli })).filter((path) =>
    /1\.0\.0\/[^/]*\.dsse\.json$|\/00000\d\.dsse/.test(path),
  )
  assert.is(keys.length, 2, keys.join('\n'))
}

failing('a full disk under the catalog', async ({ prepared }) => {
  const { cli, args } = prepared
  await mkdir(catalogOf(prepared), { recursive: true })
  const ended = await run(cli, args(), { before: fullDisk(catalogOf(prepared), 500) })
  refused(ended, 4, /error\[NO_SPACE\] no space left to write .*catalog/)
  await nothingHalf(prepared)
  await wholeAfterwards(prepared)
})

failing('a full disk under the keys', async ({ prepared }) => {
  const { cli, args } = prepared
  const keys = join(cli.folder, 'data/mintmark/keys')
  await mkdir(keys, { recursive: true, mode: 0o700 })
  const ended = await run(cli, args(), { before: fullDisk(keys, 4) })
  refused(ended, 4, /error\[NO_SPACE\] no space left to write .*keys\/signing/)
  await nothingHalf(prepared)
  await wholeAfterwards(prepared)
})

failing('a full disk under the runs: told before anything is begun', async ({ prepared }) => {
  const { cli, args } = prepared
  const ended = await run(cli, args(), { before: fullDisk(join(cli.folder, 'state/mintmark/runs'), 8000) })
  refused(ended, 4, /error\[NO_SPACE\] 0 GB are free at .*runs, a release needs 8 GB/)
})

failing('a disk that fills up while a stage runs again', async ({ prepared }) => {
  const { cli } = prepared
  const runs = join(cli.folder, 'state/mintmark/runs')
  const before = fullDisk(runs, 40)
  // It takes its version from the run; the scan works in the run's folder.
  await run(cli, prepared.args(), { before: smallFiles(3000) })
  const ended = await run(cli, ['scan', image, ...prepared.args().slice(2)], { before })
  refused(ended, 4, /error\[NO_SPACE\]/)
  await wholeAfterwards(prepared)
})

failing('a limit on the size of files', async ({ prepared }) => {
  const { cli, args } = prepared
  const ended = await run(cli, args(), { before: smallFiles(20_000) })
  refused(ended, 4, /error\[NO_SPACE\] .*report\.html would be larger than files may be here/)
  assert.match(ended.stderr, 'ulimit -f')
  await nothingHalf(prepared)
  await wholeAfterwards(prepared)
})

failing('a read-only catalog: a release is refused, a look is not', async ({ prepared }) => {
  const { cli, args } = prepared
  await mkdir(catalogOf(prepared), { recursive: true })
  const before = readOnly(catalogOf(prepared))
  refused(
    await run(cli, args(), { before }),
    4,
    /error\[TOOL_FAILED\] .*can't be written: its file system is read-only/,
  )
  await wholeAfterwards(prepared)
  for (const look of [['verify', image], ['releases'], ['show', image]]) {
    const seen = await run(cli, look, { before })
    assert.is(seen.code, 0, seen.stderr)
  }
})

failing("a catalog that is somebody else's", async ({ prepared }) => {
  const { cli, args } = prepared
  await mkdir(catalogOf(prepared), { recursive: true })
  await chmod(catalogOf(prepared), 0o500)
  refused(
    await run(cli, args(), { before: withoutPowers }),
    4,
    /error\[TOOL_FAILED\] .*can't be written \(EACCES\)/,
  )
  await chmod(catalogOf(prepared), 0o700)
  await wholeAfterwards(prepared)
})

failing('a full disk under an event: none is written, and the history stays whole', async ({ prepared }) => {
  await wholeAfterwards(prepared)
  const { cli } = prepared
  const before = fullDisk(catalogOf(prepared), 4)
  const other = ['rescan', image, '--trivy-db', join(checkout, 'test/fixtures/trivy-db-before')]
  const ended = await run(cli, other, { before })
  refused(ended, 4, /NO_SPACE|no space left/)
  const verified = await run(cli, ['verify', image])
  assert.is(verified.code, 0, verified.stderr)
})

failing('a full disk under the waivers: the file of before stays', async ({ prepared }) => {
  const { cli } = prepared
  const waivers = join(cli.root, 'scans/waivers')
  const waive = ['waive', 'CVE-2026-1', '--package', 'openssl', '--reason', 'the module is not loaded']
  const until = ['--until', new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10)]
  const first = await run(cli, [...waive, ...until, '--image', image])
  assert.is(first.code, 0, first.stderr)
  const [written = ''] = /scans\/waivers\/[a-z-]+\.yaml/.exec(first.stdout) ?? []
  const text = await readFile(join(cli.root, written), 'utf8')
  const other = [...waive.slice(0, 1), 'CVE-2026-2', ...waive.slice(2), ...until, '--image', image]
  const ended = await run(cli, other, { before: fullDisk(waivers, 0) })
  refused(ended, 4, /error\[NO_SPACE\] no space left to write .*waivers/)
  assert.is(await readFile(join(cli.root, written), 'utf8'), text)
})

failing('a full disk behind stdout', async ({ prepared }) => {
  await wholeAfterwards(prepared)
  const { cli } = prepared
  const into = ['sh', '-c', 'exec "$@" >/dev/full', 'sh']
  const ended = await run(cli, ['show', image, '--report', 'html'], { before: into })
  refused(ended, 4, /error\[NO_SPACE\] the result can't be written to where stdout leads/)
})

/** A mirror that begins to answer, and then is gone. */
function vanishing(): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '200000' })
    response.write('-----BEGIN PGP SIGNED MESSAGE-----\n', () => response.destroy())
  })
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve({
        server,
        url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
      })
    }),
  )
}

failing('a mirror that goes away in the middle', async ({ prepared }) => {
  const { cli } = prepared
  const { server, url } = await vanishing()
  const env = {
    MINTMARK_DEBIAN_MIRROR: `${url}/debian`,
    MINTMARK_DEBIAN_SECURITY_MIRROR: `${url}/debian-security`,
  }
  // No stage of the prepared run is asked again: the base is.
  const ended = await run(cli, ['base', 'show', image], { env })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  refused(ended, 8, /error\[PROVIDER_UNREACHABLE\]/)
  await wholeAfterwards(prepared)
})

failing.run()
