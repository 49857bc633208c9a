import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as showVerb } from '../../pipeline/cli/verbs/show.ts'
import { AuditAnswer } from '../../pipeline/model/audit.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { readHistory } from '../../pipeline/stages/channel-history.ts'
import { writeInstance } from '../../pipeline/stages/instances.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { verifyRelease } from '../../pipeline/stages/verify-release.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { auditStory } from '../helpers/audit-story.ts'
import type { ChannelWorld } from '../helpers/channel-world.ts'
import { refusal } from '../helpers/refusal.ts'
import { definition } from '../helpers/release-fixture.ts'

const it = suite<{ at: ChannelWorld; world: World }>('audit')

it.before.each(async (context) => {
  context.at = await auditStory()
  context.world = context.at.later(9)
})
it.after.each((context) => context.at.box.close())

interface Shown {
  readonly code: number
  readonly text: string
  readonly answer: AuditAnswer
}

async function show(
  { at, world }: { readonly at: ChannelWorld; readonly world: World },
  ref: string,
  options: Readonly<Record<string, string | boolean>> = {},
): Promise<Shown> {
  at.box.told.results.length = 0
  const code = (await showVerb({ world, args: [ref], options })) ?? 0
  const [result] = at.box.told.results
  const data = JSON.parse(JSON.stringify(result?.data)) as { readonly audit?: unknown }
  const answer = options['report'] === undefined ? AuditAnswer.parse(data.audit) : (null as never)
  return { code, text: result?.text ?? '', answer }
}

it('who approved it, which channels led to it when, who has it and who had it', async (context) => {
  const { code, text, answer } = await show(context, 'debian-13@1.0.0')
  assert.is(code, 0, text)
  const [approval, ...more] = answer.approved.approvals
  assert.equal(more, [])
  assert.equal(
    [approval?.by, approval?.channel, approval?.from, approval?.comment, approval?.at],
    ['bob', 'stable', null, 'looks good', '2026-11-22T04:00:00.000Z'],
  )
  const told = (stays: AuditAnswer['where']['now']) =>
    stays.map(({ channel, since, until, why, by, reason, approvedBy, ended }) =>
      [
        channel,
        since?.slice(11, 13),
        until?.slice(11, 13),
        why,
        by,
        reason,
        approvedBy.join(),
        ended?.to,
      ].join(' '),
    )
  assert.equal(told(answer.where.now), ['stable 11  rolled-back carol ssh hangs  '])
  assert.equal(told(answer.where.before), [
    `nightly 03 08 released ${answer.where.before[0]?.by}   1.0.1`,
    'stable 05 10 promoted alice  bob 1.0.1',
  ])
  assert.is(answer.where.before[1]?.diff, approval?.diff)
  const people = (shares: AuditAnswer['users']['now']) =>
    shares.map(({ principal, since, until, revokedBy }) =>
      [principal, since.slice(11, 13), until?.slice(11, 13), revokedBy].join(' '),
    )
  assert.equal(people(answer.users.now), ['folder:/srv/golden 06  '])
  assert.equal(people(answer.users.before), ['folder:/srv/old 06 07 dora'])
  assert.equal(
    answer.controls.failed?.map(({ control, found }) => `${control} ${found}`),
    ['audit-disk-full-halts none'],
  )
  assert.is(answer.tested.boots?.length, 1)
  assert.is(answer.by.builder?.id, 'https://mintmark.dev/builder/own-machine/v1')
  assert.is(answer.by.anchored, true)
  assert.is(answer.believable, true)
  for (const line of [
    /^approved +2026-11-2\d .* for stable by bob, who saw the diff sha256:[0-9a-f]{64} from nothing: looks good$/m,
    /^is in +stable since .*: rolled back by carol from 1\.0\.1; reason: ssh hangs$/m,
    /^was in +nightly since .*; until .*, then 1\.0\.1 \(released by /m,
    /^ +stable since .*: promoted by alice from nothing; approved by bob; diff sha256:.*; until .*, then 1\.0\.1 \(promoted by alice\)$/m,
    /^shared with +folder:\/srv\/golden \(stable\) at \/srv\/golden\/.*\.qcow2, since .* by dora$/m,
    /^once with +folder:\/srv\/old .*, until .* by dora$/m,
    /^events +✓ record and 4 events unchanged$/m,
    /✓ provenance sha256:/,
    /✓ event +4 unchanged since the record/,
    /✓ history +stable, 3 moves unchanged$/m,
  ])
    assert.match(text, line)
})

it('the same answer by channel, digest, record, file and machine', async (context) => {
  const { world, at } = context
  const { answer, text } = await show(context, 'debian-13@1.0.0')
  const { artifact, record } = answer.what
  const file = world.catalog.blobPath(artifact.sha256) ?? ''
  for (const ref of [
    'debian-13@stable',
    artifact.sha256,
    `sha256:${artifact.sha256.slice(0, 12)}`,
    record,
    file,
  ])
    assert.equal((await show(context, ref)).answer, answer, ref)

  const folder = await world.files.tempFolder('boot-', join(at.box.folder, 'state/mintmark/machines'))
  const release = {
    image: 'debian-13',
    version: '1.0.0',
    variant: 'qemu-x86_64',
    artifact: artifact.sha256,
    record,
  }
  const bootable = {
    host: 'x',
    artifact: { format: 'qcow2' as const, path: file },
    definition,
    target: targets.qemu,
    virtualBytes: 1,
    recorded: true,
  }
  const id = await writeInstance(world, folder, { ...bootable, name: 'debian-13@1.0.0', release })
  assert.match(id, /^boot-[A-Za-z0-9]{6}$/)
  assert.is(((await world.files.info(join(folder, 'instance.json')))?.mode ?? 0) & 0o777, 0o600)
  const machine = await show(context, id)
  assert.equal(machine.answer.what.instance, {
    id,
    started: world.clock.now().toISOString(),
    evidence: 'boot',
  })
  assert.equal({ ...machine.answer, what: { ...machine.answer.what, instance: null } }, answer)
  assert.match(machine.text, new RegExp(`^machine +${id}, started .* from this very image$`, 'm'))
  assert.not.match(text, /^machine/m)

  const unknown = await refusal(show(context, 'boot-zzzzzz'))
  assert.is(unknown.code, 'NOT_FOUND')
  assert.match(unknown.hint, `there are: ${id} (debian-13@1.0.0)`)

  const unrecorded = await world.files.tempFolder('boot-', join(at.box.folder, 'state/mintmark/machines'))
  const other = await writeInstance(world, unrecorded, { ...bootable, name: '/tmp/x.qcow2', recorded: false })
  const nobody = await refusal(show(context, other))
  assert.is(nobody.code, 'NOT_FOUND')
  assert.match(nobody.message, 'was started from /tmp/x.qcow2, and no record is about that file')

  // The record that the machine was started with has been replaced since.
  await world.files.write(
    join(folder, 'instance.json'),
    JSON.stringify({
      schema: 1,
      id,
      started: '2026-11-22T10:00:00.000Z',
      name: 'debian-13@1.0.0',
      release: { ...release, record: artifact.sha256 },
    }),
  )
  const replaced = await refusal(show(context, id))
  assert.is(replaced.code, 'VERIFY_FAILED')
  assert.match(replaced.message, 'is another one now')
})

it("a copy of a machine's os-release leads to its release, and is called a claim", async (context) => {
  const { world, at } = context
  const path = join(at.box.folder, 'os-release')
  await world.files.write(path, 'NAME="Debian"\nIMAGE_ID="debian-13"\nIMAGE_VERSION=1.0.1\n')
  const { answer, text } = await show(context, path)
  assert.is(answer.what.version, '1.0.1')
  assert.is(answer.what.instance?.evidence, 'os-release')
  assert.match(text, /^machine .* says that it is debian-13@1\.0\.1, which proves nothing$/m)
  await world.files.write(path, 'IMAGE_ID=debian-13\nIMAGE_VERSION=9.9.9\n')
  assert.is((await refusal(show(context, path))).code, 'NOT_FOUND')
  await world.files.write(path, 'IMAGE_ID=../x\nIMAGE_VERSION=1.0.0\n')
  assert.is(
    (await refusal(show(context, path))).code,
    'VERIFY_FAILED',
    'any other file: no record is about it',
  )
})

/** What is wrong by now, and that it is said at once. */
async function disbelieved(
  context: { readonly at: ChannelWorld; readonly world: World },
  ref = 'debian-13@1.0.0',
): Promise<string> {
  const { code, text, answer } = await show(context, ref)
  assert.is(code, 9)
  assert.is(answer.believable, false)
  assert.match(text, /^✗ NOT TO BE BELIEVED/)
  const page = await show(context, ref, { report: 'html' })
  assert.is(page.code, 9)
  assert.match(page.text, '<title>✗ debian-13 1.0.0: Not to be believed</title>')
  const wrong = answer.verified.links.filter(({ right }) => !right)
  return wrong.map(({ name, text: why }) => `${name}: ${why}`).join('\n')
}

const rewrite = (world: World, key: string, text: string): Promise<void> =>
  world.files.write(join(world.places.catalog, key), text)

it('an event that was taken out or changed makes nothing of it believable', async (context) => {
  const { world } = context
  const events = 'releases/debian-13/1.0.0/qemu-x86_64/events'
  await world.files.remove(join(world.places.catalog, events, '000004.dsse.json'))
  assert.match(await disbelieved(context), /^event: event 4 is missing/)
})

it('a lost head of a history is told: later moves may be lost with it', async (context) => {
  const { world } = context
  await world.files.remove(join(world.places.catalog, 'history/debian-13/nightly/qemu-x86_64/head.json'))
  assert.match(
    await disbelieved(context),
    /^channel: the history of nightly: the head of its history is missing/m,
  )
})

it('a move of another channel that was changed is told', async (context) => {
  const { world } = context
  await rewrite(world, 'history/debian-13/nightly/qemu-x86_64/000002.dsse.json', '{}')
  assert.match(await disbelieved(context), /^channel: the history of nightly: event 2 was changed/m)
})

it('a channel whose pointer was moved or removed by hand is not told as being here', async (context) => {
  const { world } = context
  const key = 'channels/debian-13/stable/qemu-x86_64.json'
  const nightly = 'channels/debian-13/nightly/qemu-x86_64.json'
  const newer = JSON.parse((await world.catalog.read(nightly))?.value ?? '') as object
  await rewrite(world, key, JSON.stringify({ ...newer, channel: 'stable' }))
  assert.match(
    await disbelieved(context),
    /^channel: stable → 1\.0\.1, but its history ends with 1\.0\.0 \(rolled back by carol/m,
  )
  const wrong = async (): Promise<string> => {
    const release = await findRelease(world, 'debian-13@1.0.0')
    const { links } = await verifyRelease(world, release, {
      ...(await context.at.trust()),
      blobs: true,
      strayed: true,
    })
    return links.flatMap(({ right, text }) => (right ? [] : [text])).join('\n')
  }
  assert.match(await wrong(), 'stable → 1.0.1, but its history ends with 1.0.0')
  await world.files.remove(join(world.places.catalog, key))
  assert.match(
    await disbelieved(context),
    /^channel: stable has no pointer, but its history ends with 1\.0\.0/m,
  )
})

it('moves name approvals: when the events are gone, or tell of others, it is seen', async (context) => {
  const { world } = context
  const events = 'releases/debian-13/1.0.0/qemu-x86_64/events'
  await world.files.remove(join(world.places.catalog, events))
  const lost = /^event: move 1 of stable names the approval sha256:.* by bob, which is not among the events$/m
  assert.match(await disbelieved(context), lost)
  const release = await findRelease(world, 'debian-13@1.0.0')
  const { links } = await verifyRelease(world, release, { ...(await context.at.trust()), blobs: true })
  assert.match(links.map(({ name, text }) => `${name}: ${text}`).join('\n'), lost)
})

it('a key that others can read is no fault of an event', async (context) => {
  const { world } = context
  await world.files.setMode(join(world.places.keys, 'signing.pem'), 0o644)
  const place = { image: 'debian-13', channel: 'stable', variant: 'qemu-x86_64' }
  const own = { trust: [], onlyTrust: false }
  assert.is((await refusal(readHistory(world, place, own))).code, 'TOOL_REFUSED')
})

it('what a broken history does not tell is unknown, and not nobody', async (context) => {
  const { world } = context
  const events = 'releases/debian-13/1.0.0/qemu-x86_64/events'
  const first = `${events}/000001.dsse.json`
  const kept = (await world.catalog.read(first))?.value ?? ''
  await rewrite(world, first, '{}')
  const { text, answer } = await show(context, 'debian-13@1.0.0')
  assert.match(answer.verified.eventsBroken ?? '', 'event 1 was changed')
  for (const line of [/^approved +unknown: /m, /^shared with +unknown: /m, /^events +✗ event 1 was changed/m])
    assert.match(text, line)
  assert.not.match(text, /^re-scanned +never/m)
  const page = (await show(context, 'debian-13@1.0.0', { report: 'html' })).text
  assert.match(page, 'may be missing from this page: event 1 was changed')
  assert.not.match(page, 'Nobody has approved it')
  await rewrite(world, first, kept)
  await world.files.remove(join(world.places.catalog, events, 'head.json'))
  const headless = (await show(context, 'debian-13@1.0.0')).text
  assert.match(headless, /^events +✗ the head of the events is missing/m)
  assert.match(headless, "and what came after is unknown: the events can't be trusted")
  assert.not.match(headless, /^re-scanned +never/m)
})

it('a provenance and test results that are not those of the record are told', async (context) => {
  const { world } = context
  const { reports } = (await findRelease(world, 'debian-13@1.0.0')).statement.predicate
  const pathOf = (name: string): string => world.catalog.blobPath(reports[name]?.sha256 ?? '') ?? ''
  await world.files.remove(pathOf('provenance'))
  await world.files.write(pathOf('provenance'), 'x')
  assert.match(await disbelieved(context), /^provenance: .* now is /)
  await world.files.remove(pathOf('test'))
  const { code, answer, text } = await show(context, 'debian-13@1.0.0')
  assert.is(code, 9)
  assert.match(text, /✗ report test: the catalog has no blob/)
  assert.is(answer.controls.failed, null)
  assert.match(text, /^failed +unknown: the results are not stored as they were recorded$/m)
  assert.is((await refusal(show(context, 'debian-13@1.0.0', { report: 'html' }))).code, 'VERIFY_FAILED')
})

it('the page has what happened since, in both languages; the stored page has not', async (context) => {
  const en = (await show(context, 'debian-13@1.0.0', { report: 'html' })).text
  for (const part of [
    'id="since"',
    'id="verified"',
    'looks good',
    'rolled back to by carol',
    'folder:/srv/old',
  ])
    assert.match(en, part)
  const zh = (await show(context, 'debian-13@1.0.0', { report: 'html', lang: 'zh' })).text
  for (const part of ['发布之后', '由 carol 回滚至此', '校验']) assert.match(zh, part)
  const clash = await refusal(show(context, 'debian-13', { report: 'html', lang: 'zh', stored: true }))
  assert.is(clash.code, 'USAGE')
  const none = await refusal(show(context, 'debian-13', { report: 'html', stored: true }))
  assert.is(none.code, 'NOT_FOUND')
  assert.is((await refusal(show(context, 'debian-13', { stored: true }))).code, 'USAGE')
})

it.run()
