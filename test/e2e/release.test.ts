import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { checkout } from '../helpers/world.ts'

/** debian-12 with a database, by the command line alone, killed on the way: debian-13 is what the README's command makes. */
interface Context {
  folder: string
  database: string
}

const releasing = suite<Context>('release, end to end', { folder: '', database: '' })
const exec = nodeExec(new AbortController().signal)

releasing.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-e2e-'))
  context.database = join(context.folder, 'database')
  await cp(join(checkout, 'test/fixtures/trivy-db'), context.database, { recursive: true })
  // The fixture's advisories are real and few; its date is made today's, or the gate would rightly call it stale.
  const metadata = join(context.database, 'metadata.json')
  const dated = { ...JSON.parse(await readFile(metadata, 'utf8')), UpdatedAt: new Date().toISOString() }
  await writeFile(metadata, JSON.stringify(dated))
})

releasing.after(async ({ folder }) => {
  await rm(folder, { recursive: true, force: true })
})

const environment = (folder: string): Record<string, string> => ({
  XDG_DATA_HOME: join(folder, 'data'),
  XDG_STATE_HOME: join(folder, 'state'),
})

async function mintmark(context: Context, ...args: string[]) {
  return exec.run([join(checkout, 'mintmark'), ...args], { env: environment(context.folder), ok: 'any' })
}

/** Programs that still have our folder on their command line. */
async function orphans(folder: string): Promise<string> {
  const { stdout } = await exec.run(['pgrep', '-af', `(qemu|packer|trivy).*${folder}`], { ok: 'any' })
  return stdout
}

releasing(
  'killed while it tests, nothing is left running, and the next run goes on from there',
  async (context) => {
    const args = ['release', 'debian-12', '--trivy-db', context.database]
    const child = spawn(join(checkout, 'mintmark'), args, {
      env: { ...process.env, ...environment(context.folder), CI: 'true' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (/✓ build/.test(said) && /^ {2}test /m.test(said)) resolve()
      })
      void ended.then(() => resolve())
    })
    assert.match(said, /✓ build/, said)
    child.kill('SIGKILL')
    await ended
    await new Promise((resolve) => setTimeout(resolve, 1500))
    assert.is(await orphans(context.folder), '')

    const again = await mintmark(context, ...args, '--json')
    assert.is(again.code, 0, again.stderr)
    assert.match(again.stderr, /✓ build .*\(done before\)/)
    const result = JSON.parse(again.stdout)
    assert.is(result.image, 'debian-12')
    assert.is(result.version, '1.0.0')
    assert.is(result.channel, 'nightly')
    assert.is(result.vulnerability, 'judged')
    assert.is(await orphans(context.folder), '')
  },
)

releasing('the release is listed, shown, verified and given to other tools', async (context) => {
  const releases = await mintmark(context, 'releases')
  assert.match(releases.stdout, /debian-12\s+1\.0\.0/)
  const shown = await mintmark(context, 'show', 'debian-12')
  assert.is(shown.code, 0, shown.stderr)
  assert.match(shown.stdout, /Debian|debian/)
  const verified = await mintmark(context, 'verify', 'debian-12')
  assert.is(verified.code, 0, verified.stderr)
  const outputs = await mintmark(context, 'outputs', 'debian-12')
  assert.match(JSON.stringify(JSON.parse(outputs.stdout)), /[0-9a-f]{64}/)
})

releasing('a database that is not there is an error, not an unknown', async (context) => {
  const scanned = await mintmark(context, 'scan', 'debian-12', '--trivy-db', join(context.folder, 'nowhere'))
  assert.not.equal(scanned.code, 0)
  assert.match(scanned.stderr, 'nowhere')
})

releasing.run()
