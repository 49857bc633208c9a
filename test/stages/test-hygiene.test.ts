import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lookAtDisk } from '../../pipeline/stages/test-hygiene.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// Real find, grep and sh over a small tree that stands for an image's files.
const hygiene = suite('hygiene of a disk')

const sealed: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\n',
  'etc/machine-id': '',
  'etc/apt/sources.list': 'deb http://deb.debian.org/debian trixie main\n',
  'var/log/wtmp': '',
}

async function look(
  { world, folder }: TestWorld,
  files: Readonly<Record<string, string>>,
  check: string | null = null,
  placed: Parameters<typeof lookAtDisk>[0]['placed'] = [],
) {
  await world.files.write(join(folder, 'build-key.pub'), 'ssh-ed25519 AAAAC3Nzbuildkey mintmark-build\n')
  if (check !== null) await world.files.write(join(folder, 'check'), check)
  const work = join(folder, 'disk')
  const seen = await lookAtDisk({
    world,
    disk: join(folder, 'image.qcow2'),
    folder: work,
    buildKey: join(folder, 'build-key.pub'),
    check: join(folder, 'check'),
    excepted: [],
    placed,
    target: {
      async readDisk(_world, _disk, into) {
        for (const [path, text] of Object.entries({ ...sealed, ...files })) {
          await world.files.write(join(into, 'root', path), text)
        }
        // A folder that its owner may not write to, as an image may have some.
        await world.files.makeFolder(join(into, 'root/var/empty'), { mode: 0o500 })
        return { root: join(into, 'root'), fileSystems: [] }
      },
    },
  })
  assert.is(await world.files.info(work), null, 'the copy is removed')
  const statusOf = (id: string) => seen.facts.find((fact) => fact.id === id)
  return { ...seen, statusOf, bad: seen.facts.filter(({ status }) => status === 'fail').map(({ id }) => id) }
}

async function withWorld(work: (test: TestWorld) => Promise<void>): Promise<void> {
  const test = await testWorld()
  try {
    await work(test)
  } finally {
    await test.close()
  }
}

hygiene('a sealed tree has nothing wrong', () =>
  withWorld(async (test) => {
    const { bad, statusOf } = await look(test, {})
    assert.equal(bad, [])
    assert.is(statusOf('no-build-key')?.status, 'pass')
    assert.is(statusOf('controls-hold-sealed')?.status, 'unknown')
  }),
)

hygiene("finds the build's key in any file, under any comment", () =>
  withWorld(async (test) => {
    const { bad, statusOf } = await look(test, {
      'var/lib/some/cache.bin': 'x\0ssh-ed25519 AAAAC3Nzbuildkey other\0',
    })
    assert.equal(bad, ['no-build-key'])
    assert.is(statusOf('no-build-key')?.found, '/var/lib/some/cache.bin')
  }),
)

hygiene('finds a log, a host key and a history', () =>
  withWorld(async (test) => {
    const { bad } = await look(test, {
      'var/log/apt/term.log': 'Setting up nginx',
      'etc/ssh/ssh_host_ed25519_key': 'PRIVATE',
      'root/.bash_history': 'ls\n',
    })
    assert.equal(bad, ['no-host-keys', 'no-logs', 'no-history'])
  }),
)

const report = (status: string): string =>
  JSON.stringify({
    schema: 1,
    image: 'debian-13',
    phase: 'sealed',
    results: [{ control: 'sshd-root', status, expected: 'no', found: 'yes' }],
  })

hygiene('runs the rendered check over the tree, whatever its exit code', () =>
  withWorld(async (test) => {
    const check = `[ "$1 $2" = "--json --root" ] && [ -f "$3/etc/passwd" ] && echo '${report('fail')}'\nexit 1\n`
    const { results, statusOf } = await look(test, {}, check)
    assert.is(results.length, 1)
    assert.is(statusOf('controls-hold-sealed')?.status, 'fail')
    assert.match(statusOf('controls-hold-sealed')?.found ?? '', 'sshd-root')
  }),
)

hygiene('a check that breaks is unknown, with its last words', () =>
  withWorld(async (test) => {
    const { statusOf } = await look(test, {}, 'echo "awk: not found" >&2\nexit 127\n')
    assert.is(statusOf('controls-hold-sealed')?.status, 'unknown')
    assert.match(statusOf('controls-hold-sealed')?.found ?? '', 'awk: not found')
  }),
)

hygiene("the definition's files: there, changed since, gone", () =>
  withWorld(async (test) => {
    const source = join(test.folder, 'content/0')
    await test.world.files.write(source, 'as written\n')
    const at = (to: string) => [{ to, source }]
    const files = { 'etc/corp.conf': 'as written\n', 'etc/issue.net': 'Authorised use only.\n' }
    const same = await look(test, files, null, at('/etc/corp.conf'))
    assert.is(same.statusOf('definition-files')?.found, '1 of 1')
    assert.equal([same.changed, same.bad], [[], []])
    const other = await look(test, files, null, [...at('/etc/corp.conf'), ...at('/etc/issue.net')])
    assert.is(
      other.statusOf('definition-files')?.found,
      '2 of 2; changed by a step or the hardening: /etc/issue.net',
    )
    assert.equal([other.changed, other.bad], [['/etc/issue.net'], []])
    const gone = await look(test, files, null, at('/etc/nowhere'))
    assert.is(gone.statusOf('definition-files')?.status, 'fail')
    assert.is(gone.statusOf('definition-files')?.found, '0 of 1; gone: /etc/nowhere')
    assert.is((await look(test, files)).statusOf('definition-files'), undefined, 'no files, no fact')
  }),
)

hygiene.run()
