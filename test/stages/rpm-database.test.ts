import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  parseRpmPackages,
  readRpmFiles,
  rpmDatabases,
  rpmFileQuery,
  rpmPackageQuery,
} from '../../pipeline/core/rpm-files.ts'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { askRpm } from '../../pipeline/stages/rpm-database.ts'
import { buildRpms, installRpms } from '../helpers/rpm-packages.ts'
import { testWorld } from '../helpers/world.ts'

const asking = suite('rpm-database')
const plain = (path: string): string => path.replace(/^\/+/, '')

asking('a tree without its database has no answer, whatever is on this machine', async () => {
  const { world, folder, close } = await testWorld()
  try {
    assert.is(await askRpm(world, folder, rpmPackageQuery), null)
    // A link in an image may lead to this machine's own.
    const [elsewhere, linked] = [join(folder, 'elsewhere'), join(folder, 'linked')]
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, 'rpmdb.sqlite'), '')
    mkdirSync(join(linked, 'var/lib'), { recursive: true })
    symlinkSync(elsewhere, join(linked, 'var/lib/rpm'))
    assert.is(await askRpm(world, linked, rpmPackageQuery), null)
    mkdirSync(join(folder, 'var/lib/rpm'), { recursive: true })
    writeFileSync(join(folder, 'var/lib/rpm/rpmdb.sqlite'), '')
    const without = { ...world, exec: { ...world.exec, which: async () => null } }
    try {
      await askRpm(without, folder, rpmPackageQuery)
      assert.unreachable()
    } catch (cause) {
      assert.is((cause as MintmarkError).code, 'TOOL_MISSING')
    }
  } finally {
    await close()
  }
})

asking("rpm's own answer about a real database: packages, owners, checksums, modes", async () => {
  const { world, close } = await testWorld()
  const work = mkdtempSync(join(tmpdir(), 'mintmark-rpm-'))
  try {
    const root = join(work, 'root')
    installRpms(root, buildRpms(join(work, 'made'), ['zeta', 'alpha'], '2.1'))
    const listed = await askRpm(world, root, rpmPackageQuery)
    assert.is(listed?.database, 'var/lib/rpm/rpmdb.sqlite')
    assert.equal(parseRpmPackages(listed?.text ?? ''), [
      { name: 'alpha', version: '2.1-1', arch: 'noarch' },
      { name: 'zeta', version: '2.1-1', arch: 'noarch' },
    ])
    const answer = await askRpm(world, root, rpmFileQuery)
    const files = readRpmFiles(answer?.database ?? '', answer?.text ?? '', plain)
    assert.is(files.manager, 'rpm')
    assert.is(files.books, 'var/lib/rpm/rpmdb.sqlite')
    assert.equal(files.unfinished, [])
    assert.is(files.owners.get('usr/share/made/zeta'), 'zeta')
    assert.is(files.modes.get('usr/share/made/zeta'), 0o644)
    const sum = createHash('sha256').update('zeta 2.1\n').digest('hex')
    assert.is(files.digests.get('usr/share/made/zeta'), sum)
    chmodSync(join(root, 'var/lib/rpm/rpmdb.sqlite'), 0o644)
    writeFileSync(join(root, 'var/lib/rpm/rpmdb.sqlite'), 'no database')
    try {
      await askRpm(world, root, rpmPackageQuery)
      assert.unreachable('a broken database is no empty one')
    } catch (cause) {
      assert.is((cause as MintmarkError).code, 'TOOL_FAILED')
    }
  } finally {
    await close()
    rmSync(work, { recursive: true, force: true })
  }
})

asking('configuration and what is only named have no checksum; set-uid is as the package has it', () => {
  const line = (flags: number, mode: string, digest: string, path: string): string =>
    `file\t${flags}\t${mode}\t${digest}\t${path}`
  const sum = 'a'.repeat(64)
  const files = readRpmFiles(
    rpmDatabases[0] ?? '',
    [
      'package\ttool\ttool-1.0-1.el9.x86_64\tx86_64\tRed Hat, Inc.',
      line(0, '0104755', sum, '/usr/bin/tool'),
      line(17, '0100644', sum, '/etc/tool.conf'),
      line(64, '0100600', '', '/var/log/tool.log'),
      line(0, '040755', '', '/usr/share/tool'),
      line(0, '0100644', sum, '/usr/share/with\ttab'),
      '',
    ].join('\n'),
    plain,
  )
  assert.equal([...files.digests.keys()], ['usr/bin/tool', 'usr/share/with\ttab'])
  assert.is(files.modes.get('usr/bin/tool'), 0o4755)
  assert.not.ok(files.modes.has('var/log/tool.log'))
  assert.is(files.owners.get('etc/tool.conf'), 'tool')
  assert.ok(files.distribution.has('tool'))
})

asking(
  'two versions at once are what an upgrade that broke off has left, but for kernels and keys',
  async () => {
    const row = (name: string, version: string, arch: string): string =>
      `package\t${name}\t${name}-${version}.${arch}\t${arch}\tRed Hat, Inc.`
    const of = (...rows: readonly string[]): readonly string[] =>
      readRpmFiles(rpmDatabases[0] ?? '', rows.join('\n'), plain).unfinished
    for (const name of ['kernel', 'kernel-core', 'kernel6.12', 'kernel-modules', 'gpg-pubkey'])
      assert.equal(of(row(name, '5.14-1', 'x86_64'), row(name, '5.14-2', 'x86_64')), [], name)
    assert.equal(of(row('glibc', '2.34-1', 'i686'), row('glibc', '2.34-1', 'x86_64')), [])
    const broken = of(
      row('glibc', '2.34-1', 'x86_64'),
      row('bash', '5.1-9', 'x86_64'),
      row('glibc', '2.34-2', 'x86_64'),
    )
    assert.equal(broken, ['glibc-2.34-1.x86_64 and glibc-2.34-2.x86_64 are both installed'])
    const { world, folder, close } = await testWorld()
    try {
      const made = ['1.0', '2.0'].flatMap((version) => buildRpms(join(folder, version), ['zeta'], version))
      installRpms(folder, made)
      const answer = await askRpm(world, folder, rpmFileQuery)
      const { unfinished } = readRpmFiles(answer?.database ?? '', answer?.text ?? '', plain)
      assert.is(unfinished.length, 1)
      assert.match(
        unfinished[0] ?? '',
        /^zeta-[12]\.0-1\.noarch and zeta-[12]\.0-1\.noarch are both installed$/,
      )
    } finally {
      await close()
    }
  },
)

asking.run()
