import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as announceVerb } from '../../pipeline/cli/verbs/announce.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { checksumsIn } from '../../pipeline/core/checksum-file.ts'
import { openGithub } from '../../pipeline/ports/octokit-github.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { announce } from '../../pipeline/stages/announce.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { trustedKeys } from '../../pipeline/stages/verify-release.ts'
import { verifyRecordFile } from '../../pipeline/stages/verify-file.ts'
import { type ChannelWorld, channelWorld, released, secondVariant } from '../helpers/channel-world.ts'
import { type GitHubServer, startGithub } from '../helpers/github-server.ts'
import { refusal } from '../helpers/refusal.ts'
import { checkout } from '../helpers/world.ts'

interface Context {
  at: ChannelWorld
  server: GitHubServer
  world: World
}

const it = suite<Context>('announce')

it.before.each(async (context) => {
  context.at = await channelWorld('{stable: {needs: {approvals: 0}}}')
  context.server = await startGithub()
  const env = { ...context.server.env, GITHUB_SHA: context.server.state.refs.get('refs/heads/main') }
  context.world = { ...context.at.world, env, github: openGithub(env, context.at.world.signal, 0) }
  await released(context.world, 'r-1')
})
it.after.each(async ({ at, server }) => {
  await server.close()
  await at.box.close()
})

const tell = async (world: World, notes: string | null = null) =>
  announce(world, {
    ref: 'debian-13@1.0.0',
    notes,
    trust: { trust: await trustedKeys(world, null), onlyTrust: false },
    update: () => undefined,
  })

const names = [
  'debian-13-1.0.0-qemu-x86_64.record.dsse.json',
  'debian-13-1.0.0-qemu-x86_64.provenance.dsse.json',
  'debian-13-1.0.0-qemu-x86_64.cdx.json',
  'SHA256SUMS',
]

const textOf = ({ server }: Context, name: string): string =>
  Buffer.from(server.state.releases[0]?.assets.find((item) => item.name === name)?.bytes ?? '').toString()

it('a draft, its files, then everybody sees it; the record is checked where it was downloaded to', async (context) => {
  const { world, server } = context
  const told = await tell(world, 'Newer **OpenSSH**.')
  assert.equal(told.attached, names)
  assert.is(told.published, true)
  const [made, ...others] = server.state.releases
  assert.equal(others, [])
  assert.equal(
    [made?.tag, made?.draft, made?.prerelease, made?.name],
    ['debian-13/v1.0.0', false, true, 'debian-13 1.0.0'],
  )
  assert.equal(
    made?.assets.map(({ name }) => name),
    names,
  )
  const sums = checksumsIn(textOf(context, 'SHA256SUMS'), 'sha256')
  assert.equal(
    sums,
    names
      .slice(0, 3)
      .sort()
      .map((name) => ({ name, digest: sha256(textOf(context, name)) })),
  )
  assert.ok(!names.some((name) => name.endsWith('.qcow2')))
  const [record = ''] = names
  const path = join(context.at.box.folder, record)
  await world.files.write(path, textOf(context, record))
  const trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  const checked = await verifyRecordFile(world, { path, text: textOf(context, record) }, trust)
  assert.equal([checked.ok, checked.anchored], [true, true])
  const body = (made?.body ?? '').replace(/\b[0-9a-f]{64}\b/g, 'SHA256')
  const golden = join(checkout, 'test/golden/announcement.md')
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(golden, body)
  assert.fixture(body, await readFile(golden, 'utf8'))
})

it('again does nothing, and the words that are there stay', async ({ world, server }) => {
  await tell(world, 'first')
  const before = server.writes().length
  const again = await tell(world, 'second')
  assert.equal([again.attached, again.published, server.writes().length], [[], false, before])
  assert.match(server.state.releases[0]?.body ?? '', /^first\n/)
})

it('whichever call it is stopped at, before the work or after it, the next run ends the same', async ({
  world,
  server,
}) => {
  await tell(world)
  const all = server.writes()
  const wanted = server.state.releases.map(({ id: _id, assets, ...rest }) => ({
    ...rest,
    assets: assets.map(({ id: _of, ...asset }) => asset),
  }))
  assert.is(all.length, names.length + 2)
  for (const does of ['unreachable', 'cut', 'half'] as const)
    for (const [index, write] of all.entries()) {
      if (does === 'half' && !write.includes('/assets')) continue
      server.state.releases.length = 0
      const since = server.writes().length
      // Every try of that call, and all after it.
      const stop = { of: /^(?:POST|PATCH|DELETE) /, does, after: index, times: 1000 }
      server.faults.push(stop)
      assert.is.not((await refusal(tell(world))).code, 'INTERNAL', `${does} at ${write}`)
      server.faults.length = 0
      await tell(world)
      const left = server.state.releases.map(({ id: _id, assets, ...rest }) => ({
        ...rest,
        assets: assets.map(({ id: _of, ...asset }) => asset),
      }))
      assert.equal(left, wanted, `${does} at ${write}`)
      assert.ok(server.writes().length > since)
      assert.is(server.state.releases.length, 1)
    }
})

it('another file of the same name is nobody’s to replace', async ({ world, server }) => {
  await tell(world)
  const [made] = server.state.releases
  const last = made?.assets.pop()
  assert.ok(made !== undefined && last !== undefined)
  made.assets.push({ ...last, bytes: Buffer.from('somebody else wrote this') })
  const error = await refusal(tell(world))
  assert.is(error.code, 'CONFLICT')
  assert.match(error.message, /^SHA256SUMS of release debian-13\/v1\.0\.0 has 24 bytes/)
})

it('a file of the same size is told apart by its digest, where GitHub has one', async ({ world, server }) => {
  await tell(world)
  const [made] = server.state.releases
  const last = made?.assets.pop()
  assert.ok(made !== undefined && last !== undefined)
  const bytes = Buffer.from(last.bytes).fill('x')
  made.assets.push({ ...last, bytes })
  const error = await refusal(tell(world))
  assert.is(error.code, 'CONFLICT')
  assert.is(
    error.message,
    `SHA256SUMS of release debian-13/v1.0.0 has sha256 ${sha256(bytes)}, and what is to be attached has ${sha256(last.bytes)}`,
  )
  made.assets.pop()
  made.assets.push({ ...last, bytes, digested: false })
  assert.equal((await tell(world)).attached, [])
})

it('a tag on another commit is nobody’s to take over', async ({ world, server }) => {
  const { refs, annotated } = server.state
  const main = refs.get('refs/heads/main') ?? ''
  refs.set('refs/tags/debian-13/v1.0.0', 'a'.repeat(40))
  const error = await refusal(tell(world))
  assert.is(error.code, 'CONFLICT')
  assert.is(
    error.message,
    `the tag debian-13/v1.0.0 is on ${'a'.repeat(40)}, and the release was made from ${main}`,
  )
  assert.equal(server.writes(), [])
  // As a person pushes it where a job may not, annotated or not.
  refs.set('refs/tags/debian-13/v1.0.0', 'b'.repeat(40))
  annotated.set('b'.repeat(40), main)
  assert.is((await tell(world)).published, true)
})

it('a draft of somebody else, or one that would tag something else, is not completed', async ({
  world,
  server,
}) => {
  const { releases, refs } = server.state
  const main = refs.get('refs/heads/main') ?? ''
  const draft = {
    id: 77,
    tag: 'debian-13/v1.0.0',
    commit: main,
    name: 'mine',
    body: 'mine',
    draft: true,
    prerelease: false,
    author: 'mona',
    assets: [],
  }
  releases.push({ ...draft })
  const theirs = await refusal(tell(world))
  assert.equal(
    [theirs.code, theirs.message],
    ['CONFLICT', 'the draft of debian-13/v1.0.0 is by "mona", and not by "github-actions[bot]"'],
  )
  releases.splice(0, 1, { ...draft, author: 'github-actions[bot]', commit: 'main' })
  assert.is(
    (await refusal(tell(world))).message,
    `the draft of debian-13/v1.0.0 would tag "main", and not ${main}`,
  )
  releases.splice(0, 1, { ...draft, draft: false })
  assert.match((await refusal(tell(world))).message, 'the release of debian-13/v1.0.0 is by "mona"')
  assert.equal(server.writes(), [])
  // Complete, whoever wrote it: nothing is left to do.
  releases.length = 0
  await tell(world)
  const [made] = releases
  assert.ok(made)
  releases.splice(0, 1, { ...made, author: 'mona' })
  assert.equal((await tell(world)).attached, [])
})

it('both variants of a version, each with its own files', async ({ world, server }) => {
  await secondVariant(world, '1.0.0')
  const { attached } = await tell(world)
  // Sorted by variant; the record of the other one is from before there was provenance.
  const [record, ...others] = names
  assert.equal(attached, [
    'debian-13-1.0.0-qemu-aarch64.record.dsse.json',
    'debian-13-1.0.0-qemu-aarch64.cdx.json',
    record,
    ...others,
  ])
  assert.match(server.state.releases[0]?.body ?? '', /qemu-aarch64\.record\.dsse\.json$/m)
})

it('what is not as it was signed, a place that is no job, and too many words are refused', async ({
  world,
  server,
}) => {
  assert.is((await refusal(tell({ ...world, github: undefined }))).code, 'USAGE')
  assert.is((await refusal(tell(world, 'x'.repeat(60_001)))).code, 'USAGE')
  const { key, text } = await findRelease(world, 'debian-13@1.0.0')
  const entry = await world.catalog.read(key)
  await world.catalog.compareAndSwap(key, entry?.etag ?? null, text.replace('"sig":"', '"sig":"AAAA'))
  assert.is((await refusal(tell(world))).code, 'VERIFY_FAILED')
  assert.equal(server.writes(), [])
})

it('as a verb: outputs and the page of the run', async ({ world, at, server }) => {
  const outputs: Record<string, string> = {}
  const pages: string[] = []
  const job = {
    run: 'gh-812-1',
    ephemeral: false,
    output: async (values: Readonly<Record<string, string>>) => void Object.assign(outputs, values),
    summary: async (markdown: string) => void pages.push(markdown),
    error: () => undefined,
  }
  at.box.told.results.length = 0
  const args = ['debian-13@1.0.0']
  assert.is(await announceVerb({ world: { ...world, job }, args, options: { notes: '  ' } }), 0)
  assert.is(outputs['tag'], 'debian-13/v1.0.0')
  assert.match(outputs['url'] ?? '', /^http/)
  assert.is(pages[0], `### Announcement\n\ndebian-13&#64;1.0.0: announced: <${outputs['url']}>\n`)
  assert.match(server.state.releases[0]?.body ?? '', /^### debian-13 1\.0\.0\n/)
  assert.match(at.box.told.results[0]?.text ?? '', /^debian-13@1\.0\.0: announced {2}debian-13\/v1\.0\.0\n/)
  assert.is(await announceVerb({ world: { ...world, job }, args, options: {} }), 0)
  assert.match(at.box.told.results[1]?.text ?? '', /announced before: nothing is done/)
})

it.run()
