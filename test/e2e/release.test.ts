import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { datedDb } from '../helpers/trivy-db-registry.ts'
import { serveTeamRepo, type TeamRepo } from '../helpers/team-repo.ts'
import { checkout } from '../helpers/world.ts'

/**
 * A team's own image on debian-12, with all that a definition can hold, by the command line alone, killed on the way: debian-13
 * as it comes is what the README's command makes.
 */
interface Context {
  folder: string
  /** A checkout of its own, with the team's definition in it. */
  root: string
  database: string
  repo: TeamRepo | null
  token: string
}

const releasing = suite<Context>('release, end to end', {
  folder: '',
  root: '',
  database: '',
  repo: null,
  token: '',
})
const exec = nodeExec(new AbortController().signal)
const image = 'team'

/** What the fixture has, and a service of the team's own that answers on a port. */
async function writeDefinition(images: string, repo: TeamRepo): Promise<void> {
  const rich = await readFile(join(images, 'rich.yaml'), 'utf8')
  const changes: readonly (readonly [string, string])[] = [
    ['release: "13"', 'release: "12"'],
    ['components: [main, agents]', 'components: [main]'],
    ['  ports: [22]', '  ports: [22, 8080]'],
    [
      '  steps:\n',
      '    - {from: files/corp-web.service, to: /etc/systemd/system/corp-web.service}\n  steps:\n    - {run: scripts/enable-web.sh}\n',
    ],
    [
      'targets: {qemu: {}}',
      `disk: {size: 8G, layout: cis}
test:
  - {run: corp-agent}
  - {run: 'test "$(stat -c %a:%U:%G /etc/corp/agent/corp.conf)" = 640:root:_chrony'}
  - {run: 'grep -q "^enrolled team " /etc/corp/enrolled && grep -qx team /etc/corp/plain && grep -qx "team of Corp" /etc/corp/notice'}
  - {run: 'openssl x509 -in /etc/ssl/certs/ca-certificates.crt -noout && ls /etc/ssl/certs | grep -q corp'}
  - {run: 'grep -qx "URIs: https://apt.corp.example/debian" /etc/apt/sources.list.d/corp.sources'}
  - {run: 'exit 3', exit: 3}
  - {http: ':8080/', status: 200}
targets: {qemu: {}}`,
    ],
  ]
  const text = changes.reduce((before, [from, to]) => {
    assert.ok(before.includes(from), `the fixture has: ${from}`)
    return before.replace(from, () => to)
  }, rich)
  await writeFile(join(images, `${image}.yaml`), text)
  await rm(join(images, 'rich.yaml'))
  await writeFile(join(images, 'files/corp.asc'), repo.key)
  await writeFile(
    join(images, 'files/corp-web.service'),
    '[Service]\nExecStart=/usr/bin/python3 -m http.server 8080 --directory /usr/share/doc\nDynamicUser=yes\n[Install]\nWantedBy=multi-user.target\n',
  )
  await writeFile(join(images, 'scripts/enable-web.sh'), '#!/bin/sh\nsystemctl enable corp-web.service\n')
}

releasing.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-e2e-'))
  await chmod(context.folder, 0o755)
  context.database = await datedDb(context.folder)

  context.root = join(context.folder, 'checkout')
  for (const name of [
    'mintmark',
    'package.json',
    'tsconfig.json',
    'dist',
    'pipeline',
    'templates',
    'hardening',
    'scans',
  ])
    await cp(join(checkout, name), join(context.root, name), { recursive: true })
  await symlink(join(checkout, 'node_modules'), join(context.root, 'node_modules'))
  const images = join(context.root, 'images')
  await cp(join(checkout, 'test/fixtures/images/rich'), images, { recursive: true })
  await cp(join(checkout, 'images/debian-12.lock.json'), join(images, `${image}.lock.json`))
  context.repo = await serveTeamRepo(exec, join(context.folder, 'repo'))
  await writeDefinition(images, context.repo)
  context.token = randomBytes(24).toString('base64url')
  await writeFile(join(context.folder, 'bootstrap-key'), `${randomBytes(24).toString('hex')}\n`, {
    mode: 0o600,
  })
  const definition = join(images, `${image}.yaml`)
  const text = await readFile(definition, 'utf8')
  await writeFile(
    definition,
    text.replace('/run/credentials/bootstrap-key', join(context.folder, 'bootstrap-key')),
  )
})

releasing.after(async ({ folder, repo }) => {
  await repo?.close()
  await rm(folder, { recursive: true, force: true })
})

const environment = ({ folder, repo, token }: Context): Record<string, string> => ({
  XDG_DATA_HOME: join(folder, 'data'),
  XDG_STATE_HOME: join(folder, 'state'),
  AGENT_TOKEN: token,
  MINTMARK_REPO_MIRRORS: `corp=${repo?.url}`,
})

async function mintmark(context: Context, ...args: string[]) {
  return exec.run([join(context.root, 'mintmark'), ...args], { env: environment(context), ok: 'any' })
}

/** Programs that still have our folder on their command line. */
async function orphans(folder: string): Promise<string> {
  const { stdout } = await exec.run(['pgrep', '-af', `(qemu|packer|trivy|ansible).*${folder}`], { ok: 'any' })
  return stdout
}

releasing(
  'killed while it tests, nothing is left running, and the next run goes on from there',
  async (context) => {
    const args = ['release', image, '--trivy-db', context.database]
    const child = spawn(join(context.root, 'mintmark'), args, {
      env: { ...process.env, ...environment(context), CI: 'true' },
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
    assert.is(result.image, image)
    assert.is(result.version, '1.0.0')
    assert.is(result.channel, 'nightly')
    assert.is(result.vulnerability, 'judged')
    assert.is(await orphans(context.folder), '')
  },
)

releasing('the release is listed, shown, verified and given to other tools', async (context) => {
  const releases = await mintmark(context, 'releases')
  assert.match(releases.stdout, /team\s+1\.0\.0/)
  const shown = await mintmark(context, 'show', image)
  assert.is(shown.code, 0, shown.stderr)
  assert.match(shown.stdout, /Debian|debian/)
  const page = await mintmark(context, 'show', image, '--report', 'html')
  assert.match(page.stdout, /^<!doctype html>/)
  assert.match(page.stdout, `<h1>${image} 1.0.0</h1>`)
  assert.not.match(page.stderr, 'no signed record names it')
  const sarif = await mintmark(context, 'show', image, '--report', 'sarif')
  assert.is(JSON.parse(sarif.stdout).runs[0].automationDetails.id, `mintmark/${image}/`)
  const verified = await mintmark(context, 'verify', image)
  assert.is(verified.code, 0, verified.stderr)
  assert.match(verified.stdout, /✓ +provenance +sha256:[0-9a-f]{12}…, SLSA v1, says the same as the record/)
  const outputs = await mintmark(context, 'outputs', image)
  assert.match(JSON.stringify(JSON.parse(outputs.stdout)), /[0-9a-f]{64}/)
})

releasing(
  'approved by one, promoted by another, given to a team, packed for an auditor, taken back',
  async (context) => {
    const { root, folder, database } = context
    const file = join(root, 'images', `${image}.yaml`)
    const definition = await readFile(file, 'utf8')
    const golden = join(folder, 'golden')
    await mkdir(golden, { mode: 0o750 })
    const channels = (share: string): Promise<void> =>
      writeFile(
        file,
        `${definition.trimEnd()}\nchannels: {stable: {needs: {approvals: 1, soak: 0h}${share}}}\n`,
      )
    const asked = async (...args: string[]) => {
      const { code, stdout, stderr } = await mintmark(context, ...args, '--json')
      assert.is(code, 0, `${args.join(' ')}\n${stderr}`)
      return JSON.parse(stdout)
    }
    await channels(`, share: {qemu: ["folder:${golden}"]}`)
    const entry = (await mintmark(context, 'verify', '--print-key')).stdout
    await writeFile(
      join(root, 'scans/policies/trust.yaml'),
      `schema: 1\n${entry.replace('team-NAME', 'team-platform')}`,
    )

    const refused = await mintmark(
      context,
      'promote',
      image,
      'stable',
      '--by',
      'alice',
      '--trivy-db',
      database,
    )
    assert.is(refused.code, 5, refused.stderr)
    assert.match(refused.stderr, /^ +✗ +approvals +0 of 1: nobody approved this diff$/m)
    const { digest } = await asked('approve', image, 'stable', '--by', 'bob')
    await asked('approve', image, 'stable', '--by', 'bob', '--diff', digest)
    const promoted = await asked('promote', image, 'stable', '--by', 'alice', '--trivy-db', database)
    assert.is(promoted.outcome, 'moved')

    await asked('share', 'apply', image)
    const { audit } = await asked('show', `${image}@stable`)
    const { what, approved, users } = audit
    assert.equal(
      [approved.approvals[0]?.by, users.now[0]?.principal],
      ['bob', `folder:${golden}`],
      JSON.stringify(audit, null, 1),
    )
    const shared = join(golden, image, '1.0.0', `${image}-1.0.0-qemu-x86_64.qcow2`)
    assert.is(users.now[0]?.reference, shared)
    assert.match((await exec.run(['sha256sum', shared])).stdout, what.artifact.sha256)
    assert.is((await asked('verify', join(golden, image, 'index.json.dsse.json'))).ok, true)

    const zip = join(folder, 'evidence.zip')
    await asked('evidence', `${image}@stable`, '--output', zip)
    const into = join(folder, 'evidence')
    await exec.run(['python3', '-m', 'zipfile', '-e', zip, into])
    const readme = await readFile(join(into, 'README.txt'), 'utf8')
    const blocks = [...readme.matchAll(/^```\n([\s\S]*?)\n```$/gm)].map(([, block]) => block)
    const steps = await exec.run(['sh', '-c', blocks.join('\n')], { cwd: into, ok: 'any' })
    assert.is(steps.code, 0, steps.stdout)
    assert.match(steps.stdout, 'all of it holds')

    await channels('')
    const kept = await mintmark(context, 'share', 'apply', image)
    assert.is(kept.code, 6, kept.stderr)
    const { plan } = await asked('share', 'plan', image)
    await asked('share', 'apply', image, '--plan', plan)
    assert.is((await exec.run(['find', golden, '-name', '*.qcow2'])).stdout, '')
    const after = await asked('show', `${image}@stable`)
    assert.equal([after.audit.users.now, after.audit.users.before.length], [[], 1])
    assert.is((await asked('catalog', 'check')).whole, true)
  },
)

releasing('no value of a secret is in anything that was kept', async (context) => {
  const { folder, token } = context
  const found = await exec.run(['grep', '-rlF', '-e', token, join(folder, 'data'), join(folder, 'state')], {
    ok: 'any',
  })
  assert.is(found.stdout, '')
  const left = await exec.run(['find', '/dev/shm', '/run', '-name', 'agent-token'], { ok: 'any' })
  assert.is(left.stdout, '', 'nor is the file that the build took it from')
})

releasing('a second release builds nothing and says why; a changed file makes it build', async (context) => {
  const { root, database } = context
  const args = ['release', image, '--trivy-db', database, '--json']
  const first = await mintmark(context, ...args)
  assert.is(first.code, 0, first.stderr)
  assert.is(JSON.parse(first.stdout).unchanged, true, first.stdout)
  const began = Date.now()
  const second = await mintmark(context, ...args)
  const spent = (Date.now() - began) / 1000
  assert.is(JSON.parse(second.stdout).version, '1.0.0')
  assert.ok(spent < 3, `decided within 3 s, with the lists at hand: ${spent} s`)

  // Only what it says is looked at: the run ends for want of the secret, before anything is built.
  await writeFile(join(root, 'images/files/issue'), 'Another notice.\n')
  const without = { ...environment(context), AGENT_TOKEN: '' }
  const changed = await exec.run([join(root, 'mintmark'), ...args], { env: without, ok: 'any' })
  assert.is(changed.code, 3, changed.stderr)
  assert.match(changed.stderr, /bundle [0-9a-f]{8}.* -> [0-9a-f]{8}|changed/)
  assert.match(changed.stderr, 'AGENT_TOKEN')
})

releasing('a database that is not there is an error, not an unknown', async (context) => {
  const scanned = await mintmark(context, 'scan', image, '--trivy-db', join(context.folder, 'nowhere'))
  assert.not.equal(scanned.code, 0)
  assert.match(scanned.stderr, 'nowhere')
})

releasing.run()
