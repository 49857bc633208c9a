import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/show.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import { AuditAnswer } from '../../../pipeline/model/audit.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { exploited, kept } from '../../helpers/gate-input.ts'
import { fixtureRelease } from '../../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  box: TestWorld
  world: World
}

const it = suite<Context>('show')

it.before.each(async (context) => {
  context.box = await testWorld()
  const { world, folder } = context.box
  context.world = { ...world, places: { ...world.places, root: join(folder, 'checkout') } }
})
it.after.each((context) => context.box.close())

interface Shown {
  readonly text: string
  readonly data: Readonly<Record<string, unknown>>
  /** The whole answer, by its schema. */
  readonly audit: AuditAnswer
}

async function show(context: Context, ...args: string[]): Promise<Shown> {
  return showEnding(context, 0, ...args)
}

async function showEnding({ box, world }: Context, exit: number, ...args: string[]): Promise<Shown> {
  box.told.results.length = 0
  assert.is(await run({ world, args, options: {} }), exit)
  const [result] = box.told.results
  const data = result?.data as Readonly<Record<string, unknown>>
  return {
    text: result?.text ?? '',
    data,
    audit: AuditAnswer.parse(JSON.parse(JSON.stringify(data['audit']))),
  }
}

it('an emergency, waivers and the known-exploited list are told', async (context) => {
  const plain = await (async () => {
    await fixtureRelease(context.world)
    return (await show(context, 'debian-13')).text
  })()
  assert.match(plain, /^known exploited +no list was given$/m)
  assert.match(plain, /^waived +none$/m)
  assert.not.match(plain, 'EMERGENCY')
  await fixtureRelease(context.world, {
    runId: 'r-2',
    gate: {
      waived: [
        {
          ...kept({ image: 'debian-13' }).waiver,
          installed: '3.0.13-1',
          file: 'scans/waivers/team-security.yaml',
        },
      ],
      knownExploited: exploited('CVE-2026-1').list,
      emergency: {
        reason: 'CVE-2026-2222 \u001b[31mis exploited',
        comparedWith: 'debian-13@1.0.0 of nightly',
        shipped: ['CVE-2026-9 bash'],
      },
    },
  })
  const { text, data } = await show(context, 'debian-13@1.0.1')
  for (const line of [
    /^EMERGENCY +shipped although findings reject it, no worse than debian-13@1\.0\.0 of nightly$/m,
    /^ +reason: CVE-2026-2222 \\u\{001B\}\[31mis exploited$/m,
    /^ +CVE-2026-9 bash$/m,
    /^known exploited +list of 2026-11-20 .*, 1 entries, sha256:7{64}, https:\/\/lists\.example\/kev\.json$/m,
    /^waived +1$/m,
    /^ +CVE-2026-1 openssl 3\.0\.13-1 {2}affected: the module is not loaded \(team-security, until 2027-03-31, scans\/waivers\/team-security\.yaml\)$/m,
  ])
    assert.match(text, line)
  const { gate } = data['facts'] as { readonly gate: { readonly emergency: { readonly reason: string } } }
  assert.is(gate.emergency.reason, 'CVE-2026-2222 \u001b[31mis exploited')
})

it('answers what an auditor asks', async (context) => {
  const { published, recorded } = await fixtureRelease(context.world)
  const { text, data } = await show(context, 'debian-13')
  const said: readonly RegExp[] = [
    /^image +debian-13@1\.0\.0, qemu\/x86_64$/m,
    /^channel +nightly$/m,
    /^owner +team-platform$/m,
    new RegExp(`^artifact +sha256:${published.subject}$`, 'm'),
    /^base +debian 13\.7 \(trixie\), x86_64, 231 packages$/m,
    /trixie-security: InRelease sha256:[0-9a-f]{64} of 2026-11-2/,
    /signed by 4CB50190207B4758A3F73A796ED0E7B82643E131/,
    /^commit +unknown: it was not made from a git checkout$/m,
    /^bundle +sha256:[0-9a-f]{64}$/m,
    /^scanned +trivy 0\.70\.0, 245 packages \(package manager: 245\)$/m,
    /^database +sha256:[0-9a-f]{64} of 2026-11-2.*trivy-db/m,
    /^vulnerabilities +2 high, 4 low \(1 fixable\)$/m,
    /^controls +2 of 3 hold \(profile cis-l2-server\), 1 fail$/m,
    /^tests +2 of 2 pass$/m,
    /^gate +passed by policy default, sha256:/m,
    /audit-disk-full-halts {2}stateless fleet \(team-security, until 2027-03-31\)/,
    new RegExp(`^record +sha256:${recorded.record}$`, 'm'),
    new RegExp(`^key +sha256:${recorded.keyid}$`, 'm'),
    /^signed +✓ by this machine's own key .* unanchored/m,
    /cyclonedx +sha256:[0-9a-f]{64} .*blobs\/sha256\//,
    /\.\/mintmark boot debian-13@1\.0\.0 +\(user debian\)/,
  ]
  for (const line of said) assert.match(text, line)
  assert.is(data['anchored'], false)
  assert.is(data['path'], context.world.catalog.blobPath(published.subject))
})

it('says that vulnerability is unknown, and why', async (context) => {
  await fixtureRelease(context.world, { database: false })
  assert.match(
    (await show(context, 'debian-13')).text,
    /^vulnerabilities +unknown: no database could be reached$/m,
  )
})

it('shows a wrong link instead of hiding it', async (context) => {
  await fixtureRelease(context.world)
  await context.world.files.remove(context.world.places.keys)
  const { text, audit } = await showEnding(context, 9, 'debian-13')
  assert.match(text, /^signed +✗ signature by sha256:.*nobody here trusts$/m)
  // First and last, so that nobody reads past it.
  const lines = text.split('\n')
  for (const line of [lines[0], lines.at(-1)])
    assert.match(line ?? '', /^✗ NOT TO BE BELIEVED: .*\(.*signature.*\)$/)
  assert.is(audit.believable, false)
})

it('needs a release', async (context) => {
  try {
    await show(context)
    assert.unreachable()
  } catch (cause) {
    assert.ok(cause instanceof MintmarkError && cause.code === 'USAGE', String(cause))
  }
})

it.run()
