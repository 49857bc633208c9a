import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lookAtDisk } from '../../pipeline/stages/test-hygiene.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// Real find, grep and sh over a small tree that stands for an image's files.
const hygiene = suite('hygiene of a disk')

const status = (more = ''): string =>
  `Package: tool\nStatus: install ok installed\nPriority: optional\n${more}`

/** MD5 of a text, as dpkg keeps it. */
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

const program = '#!/bin/sh\necho tool\n'

const sealed: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\n',
  'etc/group': 'root:x:0:\n',
  'etc/shadow': 'root:*:20777:0:99999:7:::\n',
  'etc/machine-id': '',
  'etc/apt/sources.list': 'deb http://deb.debian.org/debian trixie main\n',
  'usr/bin/tool': program,
  'var/lib/dpkg/status': status(),
  'usr/bin/other': '',
  'var/lib/dpkg/info/tool.list': '/usr/bin/tool\n/usr/bin/other\n/usr/share/doc/tool/a b\n',
  'var/lib/dpkg/info/tool.md5sums': `${md5(program)}  usr/bin/tool\n${md5('gone')}  usr/share/doc/tool/a b\n`,
  'var/log/wtmp': '',
}

async function look(
  { world, folder }: TestWorld,
  files: Readonly<Record<string, string>>,
  check: string | null = null,
  placed: Parameters<typeof lookAtDisk>[0]['placed'] = [],
  /** Processes that change the tree, in its folder. */
  changes: readonly (readonly string[])[] = [],
) {
  await world.files.write(join(folder, 'build-key.pub'), 'ssh-ed25519 AAAAC3Nzbuildkey mintmark-build\n')
  if (check !== null) await world.files.write(join(folder, 'check'), check)
  const work = join(folder, 'disk')
  const seen = await lookAtDisk({
    world,
    artifact: { format: 'qcow2', path: join(folder, 'image.qcow2') },
    folder: work,
    buildKey: join(folder, 'build-key.pub'),
    check: join(folder, 'check'),
    excepted: [],
    placed,
    target: {
      async readDisk({ into }) {
        const root = join(into, 'root')
        for (const [path, text] of Object.entries({ ...sealed, ...files })) {
          await world.files.write(join(root, path), text, { mode: 0o644 })
        }
        // A folder that its owner may not write to, as an image may have some.
        await world.files.makeFolder(join(root, 'var/empty'), { mode: 0o500 })
        // As the real reader does it: an ordinary user's owners and modes are fakeroot's.
        const state = join(into, 'owners')
        await world.files.write(state, '')
        const asOwned = ['fakeroot', '-i', state, '--']
        const change = world.exec.isRoot ? [] : ['fakeroot', '-i', state, '-s', state, '--']
        for (const argv of [['chown', '-R', '0:0', '.'], ...changes])
          await world.exec.run([...change, ...argv], { cwd: root })
        return { root, fileSystems: [], asOwned: world.exec.isRoot ? [] : asOwned }
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
    const { bad, facts, statusOf } = await look(test, {})
    assert.equal(bad, [])
    assert.equal(
      facts.filter(({ status }) => status === 'unknown').map(({ id }) => id),
      ['controls-hold-sealed'],
    )
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

/** What is done to a real tree, and what is said of it. */
const spoiled: readonly (readonly [
  id: string,
  files: Readonly<Record<string, string>>,
  changes: readonly (readonly string[])[],
  found: string,
])[] = [
  [
    'set-id-programs',
    { 'opt/a b': 'x' },
    [['chmod', '4755', 'opt/a b']],
    '/opt/a b (set-uid, of no package)',
  ],
  [
    'set-id-programs',
    {},
    [['chmod', '2775', 'usr/bin/other']],
    '/usr/bin/other (set-gid, and others than its owner can write it)',
  ],
  ['programs-as-packaged', { 'usr/bin/tool': '#!/bin/sh\nevil\n' }, [], '/usr/bin/tool (not as tool has it)'],
  [
    'packages-whole',
    { 'var/lib/dpkg/status': status('\nPackage: rc\nStatus: deinstall ok config-files\n') },
    [],
    '/var/lib/dpkg/status (rc: deinstall ok config-files)',
  ],
  ['no-unowned-files', { 'srv/x': '' }, [['chown', '1234:0', 'srv/x']], '/srv/x (1234:0)'],
  [
    'no-unowned-files',
    {},
    [
      ['mkdir', 'group'],
      ['chgrp', '4711', 'group'],
    ],
    '/group (0:4711)',
  ],
  ['no-world-writable-files', { 'srv/y': '' }, [['chmod', '666', 'srv/y']], '/srv/y'],
  ['sticky-folders', {}, [['mkdir', '-m', '777', 'all']], '/all'],
  [
    'tmp-empty',
    {},
    [
      ['mkdir', '-m', '1777', 'tmp'],
      ['mkdir', 'tmp/x'],
    ],
    '/tmp/x',
  ],
  [
    'no-authorized-keys',
    {},
    [
      ['mkdir', '-p', 'root/.ssh'],
      ['ln', '-s', '/nowhere', 'root/.ssh/authorized_keys'],
    ],
    '/root/.ssh/authorized_keys',
  ],
  [
    'no-usable-passwords',
    { 'etc/shadow': 'root:$6$a$b:1::::::\n' },
    [['chmod', '000', 'etc/shadow']],
    '/etc/shadow (user root has a password)',
  ],
  [
    'no-private-keys',
    { 'opt/app.conf': 'key: |\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n' },
    [],
    '/opt/app.conf (has one in it)',
  ],
]

hygiene('what is wrong in a real tree is found with its path, owner and mode', () =>
  withWorld(async (test) => {
    // All in one tree: what each of them alone is said to be, test/core/hygiene.test.ts knows.
    const files = Object.fromEntries(spoiled.flatMap(([, some]) => Object.entries(some)))
    const changes = spoiled.flatMap(([, , some]) => some)
    const { bad, statusOf } = await look(test, files, null, [], changes)
    assert.equal([...bad].sort(), [...new Set(spoiled.map(([id]) => id))].sort())
    for (const [id, , , found] of spoiled) assert.match(statusOf(id)?.found ?? '', found)
  }),
)

hygiene('a program that only speaks of private keys has none', () =>
  withWorld(async (test) => {
    const text = '#!/bin/sh\ngrep -q "-----BEGIN PRIVATE KEY-----" "$1"\n'
    assert.equal((await look(test, { 'usr/local/bin/find-keys': text })).bad, [])
  }),
)

hygiene('a link in the tree is never followed', () =>
  withWorld(async (test) => {
    const outside = join(test.folder, 'outside')
    await test.world.files.write(outside, 'ssh-ed25519 AAAAC3Nzbuildkey other\n')
    const links = ['etc/machine-id', 'usr/bin/tool', 'srv'].flatMap((path) => [
      ['rm', '-f', path],
      ['ln', '-s', outside, path],
    ])
    const { bad, statusOf } = await look(test, {}, null, [], links)
    assert.equal(bad, ['machine-id-empty', 'programs-as-packaged'])
    assert.is(statusOf('no-build-key')?.status, 'pass')
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
