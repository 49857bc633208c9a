import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/diff.ts'
import { diffDigest, type ReleaseDiff } from '../../../pipeline/core/diff-releases.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import { appendEvent } from '../../../pipeline/stages/events.ts'
import { facts, fixtureRelease } from '../../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

const diff = suite<{ box: TestWorld }>('diff')
const digestIn = (data: ReleaseDiff): unknown => (data as unknown as { readonly digest: unknown }).digest
const now = new Date('2026-11-22T03:00:00Z')

diff.before.each(async (context) => {
  context.box = await testWorld({ now })
  const { world } = context.box
  await fixtureRelease(world, {
    runId: 'r-1',
    packages: 'bash\t5.2-1\tamd64\nchrony\t4.6.1-3\tamd64\nopenssl\t3.0.15-1\tamd64\n',
  })
  await fixtureRelease(world, {
    runId: 'r-2',
    facts: { ...facts, packages: { add: ['chrony', 'nginx'], remove: [] } },
    packages: 'bash\t5.1-1\tamd64\nnginx\t1.26-1\tamd64\nopenssl\t3.0.16-1\tamd64\n',
    database: false,
  })
})
diff.after.each((context) => context.box.close())

async function told(
  { world, told: said }: TestWorld,
  args: readonly string[],
  options: Readonly<Record<string, boolean>> = {},
): Promise<{ readonly text: string; readonly data: ReleaseDiff; readonly code: number | undefined }> {
  const code = await run({ world, args, options })
  const result = said.results.at(-1)
  return { text: result?.text ?? '', data: result?.data as ReleaseDiff, code }
}

diff('packages, findings and their caution, in text and as data', async ({ box }) => {
  const { text, data, code } = await told(box, ['debian-13@1.0.0', 'debian-13@1.1.0'])
  assert.is(code, 0)
  assert.equal(data.packages, {
    added: [{ name: 'nginx', version: '1.26-1', arch: 'amd64' }],
    removed: [{ name: 'chrony', version: '4.6.1-3', arch: 'amd64' }],
    changed: [
      { name: 'bash', arch: 'amd64', from: '5.2-1', to: '5.1-1', direction: 'down' },
      { name: 'openssl', arch: 'amd64', from: '3.0.15-1', to: '3.0.16-1', direction: 'up' },
    ],
  })
  assert.match(text, /^debian-13@1\.0\.0 -> debian-13@1\.1\.0$/m)
  assert.match(text, /^packages: 2 changed, 1 added, 1 removed$/m)
  assert.match(text, /^ {2}bash +5\.2-1 +5\.1-1 +DOWNGRADED$/m)
  assert.match(text, 'vulnerabilities of the second are unknown: no database')
  assert.match(text, 'files: not compared (--files reads both disks)')
  assert.is(data.files, null)
})

diff('waivers, exceptions, an emergency and who has it; the digest is of what decides', async ({ box }) => {
  const { world } = box
  const emergency = {
    reason: 'it is exploited',
    comparedWith: 'debian-13@1.1.0',
    shipped: ['CVE-2026-2222 openssl'],
  }
  await fixtureRelease(world, { runId: 'r-3', given: '1.1.1', gate: { emergency, excepted: [] } })
  const before = await told(box, ['debian-13@1.1.0', 'debian-13@1.1.1'])
  assert.match(before.text, /^EMERGENCY: 1 finding that the policy rejects: it is exploited$/m)
  assert.match(
    before.text,
    /^exceptions\n {2}gone {2}audit-disk-full-halts: stateless fleet \(team-security, until 2027-03-31\)$/m,
  )
  const { findRelease } = await import('../../../pipeline/stages/read-release.ts')
  const release = await findRelease(world, 'debian-13@1.1.1')
  const shared = { channel: 'stable', principal: 'folder:/srv/golden', reference: '/srv/golden', by: 'alice' }
  await appendEvent(world, release, { trust: [], onlyTrust: false }, async () => ({
    kind: 'granted',
    data: shared,
  }))
  const after = await told(box, ['debian-13@1.1.0', 'debian-13@1.1.1'])
  assert.match(after.text, /^shared\n {2}only the second {2}stable folder:\/srv\/golden$/m)
  assert.equal(after.data.sharing, { added: ['stable folder:/srv/golden'], removed: [] })
  assert.is(digestIn(after.data), digestIn(before.data))
  const { digest: _digest, ...diff } = after.data as ReleaseDiff & { readonly digest: unknown }
  assert.is(digestIn(after.data), diffDigest([diff]))
  assert.is.not(
    digestIn((await told(box, ['debian-13@1.0.0', 'debian-13@1.1.1'])).data),
    digestIn(after.data),
  )
})

diff('Markdown', async ({ box }) => {
  const { text } = await told(box, ['debian-13@1.0.0', 'debian-13@1.1.0'], { markdown: true })
  assert.match(text, '## debian-13&#64;1.0.0 → debian-13&#64;1.1.0')
  assert.match(text, '| openssl | 3.0.15-1 | 3.0.16-1 |  |')
})

diff('a release and itself, also by its files; the exit code on request', async ({ box }) => {
  const same = await told(box, ['debian-13@1.0.0', 'debian-13@1.0.0'], {
    files: true,
    detailedExitcode: true,
  })
  assert.is(same.code, 0)
  assert.ok(same.data.identical)
  assert.equal(same.data.files, [])
  const other = await told(box, ['debian-13@1.0.0', 'debian-13'], { detailedExitcode: true })
  assert.is(other.code, 6)
})

diff('a report that was changed is not compared', async ({ box }) => {
  const { data } = await told(box, ['debian-13@1.0.0', 'debian-13@1.1.0'])
  assert.ok(data)
  const { world } = box
  const { findRelease } = await import('../../../pipeline/stages/read-release.ts')
  const { reports } = (await findRelease(world, 'debian-13@1.0.0')).statement.predicate
  const path = world.catalog.blobPath(reports['packages']?.sha256 ?? '') ?? ''
  await world.files.remove(path)
  await world.files.write(path, 'bash\t9\tamd64\n')
  try {
    await told(box, ['debian-13@1.0.0', 'debian-13@1.1.0'])
    assert.unreachable()
  } catch (cause) {
    assert.is(cause instanceof MintmarkError && cause.code, 'VERIFY_FAILED')
  }
})

diff.run()
