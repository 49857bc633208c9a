import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { firstLock } from '../../../../pipeline/core/debian-archive.ts'
import { MintmarkError } from '../../../../pipeline/errors.ts'
import type { ArchiveLock } from '../../../../pipeline/model/base.ts'
import { observeBase } from '../../../../pipeline/targets/qemu/archive/observe-base.ts'
import type { BaseSight } from '../../../../pipeline/targets/target.ts'
import { type Change, fixtureDay, testMirror } from '../../../helpers/mirror.ts'
import { testWorld } from '../../../helpers/world.ts'

// Debian's own Release files, its own signatures and the real gpgv; only the mirror and the clock are ours.
const archive = suite('looking at the archive')
const lock = firstLock('13', fixtureDay)

async function look(
  options: { readonly change?: Change; readonly now?: Date; readonly lock?: ArchiveLock } = {},
): Promise<readonly BaseSight[]> {
  const test = await testWorld({ now: options.now ?? fixtureDay })
  const mirror = await testMirror(options.change)
  try {
    const before = await test.world.files.list('/var/tmp')
    const world = { ...test.world, env: { ...test.world.env, ...mirror.env } }
    const sights = await observeBase({ world, image: 'web', lock: options.lock ?? lock })
    const left = (await test.world.files.list('/var/tmp')).filter(
      (name) => name.startsWith('mintmark-look') && !before.includes(name),
    )
    assert.equal(left, [], 'no scratch is left')
    return sights
  } finally {
    await mirror.close()
    await test.close()
  }
}

const refusals = (sights: readonly BaseSight[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    sights.flatMap((sight) => ('refused' in sight ? [[sight.suite, sight.refused.message]] : [])),
  )

const only =
  (ending: string, to: (original: Buffer) => Buffer | null): Change =>
  (path, original) =>
    path.endsWith(ending) && original !== null ? to(original) : original

archive('all three suites are accepted as Debian signed them', async () => {
  const sights = await look()
  assert.equal(refusals(sights), {})
  const [main, , security] = sights.map((sight) => ('seen' in sight ? sight.seen : null))
  assert.is(main?.version, '13.7')
  assert.is(main?.inRelease, '0584fba32e13e0ab8285fb16c27adea1ec03a73669c18702821094fd6ca86675')
  assert.equal(main?.signedBy, [
    '04B54C3CDCA79751B16BC6B5225629DF75B188BD',
    '41587F7DB8C774BCCF131416762F67A0B2C39DE4',
  ])
  assert.is(security?.validUntil, '2026-11-27T00:12:42.000Z')
})

archive('one changed byte', async () => {
  const sights = await look({
    change: only('trixie-security/InRelease', (bytes) =>
      Buffer.from(bytes.toString().replace('Version: 13', 'Version: 1')),
    ),
  })
  assert.equal(Object.keys(refusals(sights)), ['trixie-security'])
  assert.match(refusals(sights)['trixie-security'] ?? '', 'does not fit its content')
})

archive('fields put outside the signed part are not read, and can’t make one suite another', async () => {
  const before = await look({
    change: only('trixie/InRelease', (bytes) => Buffer.concat([Buffer.from('Codename: sid\n\n'), bytes])),
  })
  const after = await look({
    change: only('trixie/InRelease', (bytes) => Buffer.concat([bytes, Buffer.from('\nCodename: sid\n')])),
  })
  for (const [sight] of [before, after]) {
    if (sight !== undefined && 'seen' in sight) assert.is(sight.seen.codename, 'trixie')
  }
})

archive('no signature at all, and no Release file at all', async () => {
  const stripped = (bytes: Buffer): Buffer =>
    Buffer.from(
      bytes
        .toString()
        .replace(/-----BEGIN PGP SIGNATURE[\s\S]*$/, '')
        .replace(/^-----BEGIN[\s\S]*?\n\n/, ''),
    )
  assert.match(
    refusals(await look({ change: only('trixie/InRelease', stripped) }))['trixie'] ?? '',
    'nor has any other',
  )
  const page = await look({
    change: only('trixie/InRelease', () => Buffer.from('<html>welcome to the hotel wifi</html>')),
  })
  assert.match(refusals(page)['trixie'] ?? '', 'nor has any other')
})

archive('signed by Debian, but by none of the pinned keys', async () => {
  const bullseye = '1F89983E0081FDE018F3CC9673A4F27B8DD47936'
  const other: ArchiveLock = { ...lock, keys: [{ fingerprint: bullseye, name: 'bullseye', origin: 'test' }] }
  const refused = refusals(await look({ lock: other }))
  assert.is(Object.keys(refused).length, 3)
  assert.match(refused['trixie'] ?? '', '41587F7DB8C774BCCF131416762F67A0B2C39DE4')
})

archive('another suite or release under the asked name', async () => {
  // Debian 12's files are signed by Debian 13's keys too: only the fields tell them apart.
  const older: Change = (path, original) => (path.includes('/trixie-updates/') ? null : original)
  const served = await testMirror()
  const stolen = await fetch(`${served.env.MINTMARK_DEBIAN_MIRROR}/dists/bookworm-updates/InRelease`).then(
    async (answer) => Buffer.from(await answer.arrayBuffer()),
  )
  const updates = await fetch(`${served.env.MINTMARK_DEBIAN_MIRROR}/dists/trixie-updates/InRelease`).then(
    async (answer) => Buffer.from(await answer.arrayBuffer()),
  )
  await served.close()
  const release = refusals(await look({ change: only('trixie-updates/InRelease', () => stolen) }))
  assert.match(release['trixie-updates'] ?? '', 'Codename is "bookworm-updates", expected "trixie-updates"')
  const suites = refusals(await look({ change: only('trixie-security/InRelease', () => updates) }))
  assert.match(suites['trixie-security'] ?? '', 'Label is "Debian", expected "Debian-Security"')
  try {
    await look({ change: older })
    assert.unreachable('a missing suite')
  } catch (error) {
    assert.instance(error, MintmarkError)
    assert.is((error as MintmarkError).code, 'PROVIDER_UNREACHABLE')
    assert.match((error as MintmarkError).message, '/dists/trixie-updates/InRelease')
  }
})

archive('rolled back below the lock, past Valid-Until, from the future', async () => {
  const raised: ArchiveLock = { ...lock, floor: { 'trixie-security': '2026-11-21T00:00:00.000Z' } }
  assert.match(
    refusals(await look({ lock: raised }))['trixie-security'] ?? '',
    '2026-11-20T00:12:42.000Z, older than 2026-11-21T00:00:00.000Z',
  )
  const stale = refusals(await look({ now: new Date('2026-11-28T00:00:00Z') }))
  assert.equal(Object.keys(stale).sort(), ['trixie-security', 'trixie-updates'])
  const early = refusals(await look({ now: new Date('2026-11-01T00:00:00Z') }))
  assert.match(early['trixie-security'] ?? '', 'more than a day after this machine')
})

archive('a keyring package without the pinned keys is a missing tool, not a bad archive', async () => {
  const none: ArchiveLock = {
    ...lock,
    keys: [{ fingerprint: 'F'.repeat(40), name: 'nobody', origin: 'test' }],
  }
  try {
    await look({ lock: none })
    assert.unreachable()
  } catch (error) {
    assert.instance(error, MintmarkError)
    assert.is((error as MintmarkError).code, 'TOOL_MISSING')
    assert.match((error as MintmarkError).hint, 'debian-archive-keyring')
  }
})

archive.run()
