import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import yauzl from 'yauzl'
import { run as evidenceVerb } from '../../pipeline/cli/verbs/evidence.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { AuditAnswer } from '../../pipeline/model/audit.ts'
import { EvidenceIndex } from '../../pipeline/model/evidence.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { appendEvent } from '../../pipeline/stages/events.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { auditStory } from '../helpers/audit-story.ts'
import type { ChannelWorld } from '../helpers/channel-world.ts'
import { rescanned } from '../helpers/events.ts'
import { refusal } from '../helpers/refusal.ts'

interface Context {
  at: ChannelWorld
  world: World
  folder: string
}
const it = suite<Context>('evidence')

/** What a person wrote who wanted to leave the page, the terminal and the line. */
const hostile = '<script>alert(1)</script> \u001b[31m\u202e"x'

it.before.each(async (context) => {
  context.at = await auditStory(hostile)
  context.world = context.at.later(9)
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-evidence-'))
})
it.after.each(async ({ at, folder }) => {
  await at.box.close()
  await rm(folder, { recursive: true })
})

type Options = Readonly<Record<string, string | boolean>>

async function evidence({ at, world, folder }: Context, options: Options = {}, ref = 'debian-13@1.0.0') {
  at.box.told.results.length = 0
  const file = join(folder, 'e.zip')
  const code = (await evidenceVerb({ world, args: [ref], options: { output: file, ...options } })) ?? 0
  const [result] = at.box.told.results
  return {
    code,
    file,
    text: result?.text ?? '',
    data: result?.data as EvidenceIndex & { readonly sha256: string },
  }
}

/** Every file of a zip, by its path, with what the zip says of it. */
async function unzipped(
  file: string,
): Promise<ReadonlyMap<string, { bytes: Buffer; extra: number; modified: string }>> {
  const zip = await yauzl.openPromise(file)
  const found = new Map<string, { bytes: Buffer; extra: number; modified: string }>()
  for await (const entry of zip.eachEntry()) {
    const pieces: Buffer[] = []
    for await (const piece of await zip.openReadStreamPromise(entry)) pieces.push(Buffer.from(piece))
    const modified = entry.getLastModDate({ timezone: 'UTC' }).toISOString()
    found.set(entry.fileName, { bytes: Buffer.concat(pieces), extra: entry.extraFieldLength, modified })
  }
  return found
}

it('holds everything but the image, each file with its digest; the same bytes again, in any time zone', async (context) => {
  const { world, folder } = context
  await appendRescan(context)
  const { code, file, text, data } = await evidence(context)
  assert.is(code, 0)
  assert.is(((await world.files.info(file))?.mode ?? 0) & 0o777, 0o600)
  assert.is(await world.files.sha256(file), data.sha256)
  assert.match(text, /the evidence about debian-13@1\.0\.0/)
  assert.is((await world.exec.run(['unzip', '-tqq', file])).stderr, '')

  const files = await unzipped(file)
  const paths = [...files.keys()]
  assert.equal(paths, [...paths].sort())
  for (const { extra, modified } of files.values())
    assert.equal([extra, modified], [0, '2026-11-22T12:00:00.000Z'])
  for (const path of [
    'README.txt',
    'SHA256SUMS',
    'audit.json',
    'build/build.json',
    'build/bundle.json',
    'channels/nightly.json',
    'channels/stable.json',
    'definition/definition.json',
    'events/000001.dsse.json',
    'events/000005.dsse.json',
    'events/head.json',
    'history/nightly/000002.dsse.json',
    'history/stable/000003.dsse.json',
    'history/stable/head.json',
    'index.html',
    'index.json',
    'provenance/provenance.dsse.json',
    'record/record.dsse.json',
    'record/reservation.json',
    'record/statement.json',
    'report/report-now.html',
    'rescans/000005.findings.json',
    'sbom/sbom.cdx.json',
    'sbom/packages.tsv',
    'scan/findings.json',
    'test/test.json',
    'trust/trust.yaml',
  ])
    assert.ok(files.has(path), path)
  const index = EvidenceIndex.parse(JSON.parse(files.get('index.json')?.bytes.toString() ?? ''))
  assert.is(index.complete, true)
  const own = ['SHA256SUMS', 'README.txt', 'index.html', 'index.json']
  assert.equal(
    index.files.map(({ path }) => path),
    paths.filter((path) => !own.includes(path)),
  )
  for (const { path, sha256: digest, bytes } of index.files) {
    const content = files.get(path)?.bytes ?? Buffer.alloc(0)
    assert.equal([sha256(content), content.length], [digest, bytes], path)
  }
  const release = await findRelease(world, 'debian-13@1.0.0')
  assert.is(files.get('record/record.dsse.json')?.bytes.toString(), release.text)
  const image = release.statement.predicate.artifact.sha256
  assert.not.ok(
    [...files.values()].some(({ bytes }) => sha256(bytes) === image),
    'the image is not in it',
  )
  const answer = AuditAnswer.parse(JSON.parse(files.get('audit.json')?.bytes.toString() ?? ''))
  assert.is(answer.verified.bytes, true)
  // The folder of the run has no rendered check here, and the record names none.
  assert.equal(
    index.missing.map(({ what }) => what),
    ['test/mintmark-check'],
  )

  const other = await evidence(context, { output: join(folder, 'again.zip') }, 'debian-13@stable')
  assert.is(other.data.sha256, data.sha256)
  const zone = process.env['TZ']
  process.env['TZ'] = 'Pacific/Kiritimati'
  const away = await evidence(context, { force: true })
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
  assert.is(away.data.sha256, data.sha256)
})

async function appendRescan({ at, world }: Context): Promise<void> {
  const release = await findRelease(world, 'debian-13@1.0.0')
  const look = rescanned(3)
  const report = await world.catalog.putBlob(Buffer.from('[]'))
  await appendEvent(world, release, await at.trust(), async () => ({
    ...look,
    data: { ...look.data, report },
  }))
}

/** The blocks of README.txt, as a person pastes them one after the other. */
const stepsOf = (readme: string): string =>
  [...readme.matchAll(/^```\n([\s\S]*?)\n```$/gm)].map((match) => match[1]).join('\n')

interface Unpacked {
  readonly into: string
  /** The steps, as a shell without any option takes them. */
  readonly steps: () => ReturnType<World['exec']['run']>
  /** Another text at that place, and its digest in SHA256SUMS. */
  readonly put: (path: string, text: string) => Promise<void>
}

/** A folder with the archive in it, any number of times. */
async function unpacked(context: Context): Promise<(name: string) => Promise<Unpacked>> {
  const { world, folder } = context
  const { file } = await evidence(context)
  return async (name) => {
    const into = join(folder, name)
    await world.exec.run(['unzip', '-qq', file, '-d', into])
    const script = join(folder, 'steps.sh')
    await world.files.write(script, stepsOf(await world.files.readText(join(into, 'README.txt'))))
    const sums = join(into, 'SHA256SUMS')
    return {
      into,
      steps: () => world.exec.run(['sh', script], { cwd: into, ok: 'any' }),
      put: async (path, text) => {
        await world.files.write(join(into, path), text)
        const lines = (await world.files.readText(sums)).trimEnd().split('\n')
        const others = lines.filter((line) => line.slice(66) !== path)
        await world.files.write(sums, `${[...others, `${sha256(text)}  ${path}`].join('\n')}\n`)
      },
    }
  }
}

it('the steps of its README check it with sha256sum, python3 and openssl alone, and see every change', async (context) => {
  const { world } = context
  await appendRescan(context)
  const { into, steps } = await (await unpacked(context))('whole')
  const first = await steps()
  assert.is(first.code, 0, first.stderr)
  // The record, its provenance, 5 events, 2 moves of nightly, 3 of stable.
  assert.is(first.stdout.match(/Signature Verified Successfully/g)?.length, 12)
  for (const line of [
    'all files are as they were packed',
    'the chains of events hold',
    'provenance is provenance/provenance.dsse.json',
    'findings of event 5 is rescans/000005.findings.json',
    'all of it holds',
  ])
    assert.match(first.stdout, line)
  assert.not.match(first.stdout, 'NOT HERE')
  assert.not.ok((await world.files.list(into)).includes('signed.bin'))
  for (const path of ['record/record.dsse.json', 'events/000002.dsse.json', 'sbom/sbom.cdx.json']) {
    const text = await world.files.readText(join(into, path))
    await world.files.write(join(into, path), `${text} `)
    const seen = await steps()
    assert.is.not(seen.code, 0, path)
    assert.match(seen.stdout, 'SOMETHING ABOVE DOES NOT HOLD')
    await world.files.write(join(into, path), text)
  }
})

interface Forgery {
  readonly title: string
  readonly by: (at: Unpacked, text: (path: string) => Promise<string>) => Promise<void>
  readonly says: string
}

const forgeries: readonly Forgery[] = [
  {
    title: "an event's words",
    by: async ({ put }, text) => {
      const envelope = JSON.parse(await text('events/000002.dsse.json')) as { payload: string }
      const words = Buffer.from(envelope.payload, 'base64').toString().replace('golden', 'goldex')
      const payload = Buffer.from(words).toString('base64')
      await put('events/000002.dsse.json', JSON.stringify({ ...envelope, payload }))
    },
    says: 'NOT SIGNED: events/000002.dsse.json',
  },
  {
    title: 'an envelope that is half one, after a right one',
    by: async ({ put }, text) => {
      const { payloadType, ...half } = JSON.parse(await text('history/stable/000001.dsse.json'))
      assert.ok(payloadType)
      await put('history/stable/000001.dsse.json', JSON.stringify(half))
    },
    says: 'NOT SIGNED: history/stable/000001.dsse.json',
  },
  {
    title: 'another report, in the index as it was',
    by: ({ put }) => put('sbom/sbom.cdx.json', '{}'),
    says: 'cyclonedx is NOT HERE',
  },
  {
    title: 'other findings of a later look',
    by: ({ put }) => put('rescans/000005.findings.json', '[{}]'),
    says: 'findings of event 5 is NOT HERE',
  },
  {
    title: 'another statement than the signed one',
    by: async ({ put }, text) =>
      put('record/statement.json', (await text('record/statement.json')).replace('debian', 'debiam')),
    says: 'record/statement.json IS NOT WHAT WAS SIGNED',
  },
  {
    title: 'a signed move of a channel as an event of the release',
    by: async ({ put }, text) =>
      put('events/000006.dsse.json', await text('history/nightly/000001.dsse.json')),
    says: 'events/000006.dsse.json does not belong there',
  },
  {
    title: 'a history of another channel',
    by: async ({ put }, text) =>
      put('history/prod/000001.dsse.json', await text('history/stable/000001.dsse.json')),
    says: 'history/prod/000001.dsse.json does not belong there',
  },
  {
    title: 'a history without its end',
    by: async ({ into }) => rm(join(into, 'history/stable/000003.dsse.json')),
    says: 'history/stable/head.json names an event that is not here',
  },
  {
    title: 'events without a head',
    by: async ({ into }) => rm(join(into, 'events/head.json')),
    says: 'events/head.json is missing',
  },
]

it('the steps of its README find what is forged, though SHA256SUMS fits', async (context) => {
  await appendRescan(context)
  const fresh = await unpacked(context)
  for (const [index, { title, by, says }] of forgeries.entries()) {
    const at = await fresh(`forged-${index}`)
    await by(at, (path) => context.world.files.readText(join(at.into, path)))
    const { code, stdout, stderr } = await at.steps()
    assert.is.not(code, 0, title)
    assert.match(`${stdout}${stderr}`, says)
  }
})

it('no text of others becomes a part of its pages, and none moves a terminal', async (context) => {
  const { file } = await evidence(context)
  const files = await unzipped(file)
  for (const path of ['index.html', 'report/report-now.html']) {
    const page = files.get(path)?.bytes.toString() ?? ''
    assert.not.match(page, '<script>alert')
    assert.is(page.match(/[^\n\P{Cc}]|\p{Cf}/u), null, path)
  }
  assert.match(files.get('report/report-now.html')?.bytes.toString() ?? '', '&lt;script&gt;alert(1)')
  const [, policy = ''] =
    /Content-Security-Policy" content="([^"]*)"/.exec(files.get('index.html')?.bytes.toString() ?? '') ?? []
  assert.match(
    policy.replaceAll('&#x27;', "'").replaceAll('&#x3D;', '='),
    /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; base-uri 'none'; form-action 'none'$/,
  )
})

it('nothing is packed when a link is wrong, but on demand, and then it says so everywhere', async (context) => {
  const { world, folder } = context
  const { artifact } = (await findRelease(world, 'debian-13@1.0.0')).statement.predicate
  const blob = world.catalog.blobPath(artifact.sha256) ?? ''
  await world.files.remove(blob)
  await world.files.remove(
    join(world.places.catalog, 'releases/debian-13/1.0.0/qemu-x86_64/events/000002.dsse.json'),
  )
  const error = await refusal(evidence(context))
  assert.is(error.code, 'VERIFY_FAILED')
  assert.match(error.lines.join('\n'), /^artifact: .* is missing$/m)
  assert.equal(await world.files.list(folder), [])
  const { code, text, file, data } = await evidence(context, { incomplete: true })
  assert.is(code, 0)
  assert.match(text, 'INCOMPLETE evidence')
  assert.is(data.complete, false)
  const files = await unzipped(file)
  assert.match(files.get('README.txt')?.bytes.toString() ?? '', /^INCOMPLETE\. NOT TO BE BELIEVED AS IT IS/)
  assert.match(files.get('index.html')?.bytes.toString() ?? '', 'Incomplete, and not to be believed')
  const index = EvidenceIndex.parse(JSON.parse(files.get('index.json')?.bytes.toString() ?? ''))
  assert.match(index.problems.join('\n'), /^event: event 2 is missing/m)
  assert.is(AuditAnswer.parse(JSON.parse(files.get('audit.json')?.bytes.toString() ?? '')).believable, false)
})

it('a file that is there is not replaced unasked; a folder, no release and an unknown one are refused', async (context) => {
  const { world, folder } = context
  const file = join(folder, 'e.zip')
  await world.files.write(file, 'mine', { mode: 0o644 })
  const taken = await refusal(evidence(context))
  assert.is(taken.code, 'USAGE')
  assert.match(taken.hint, '--force')
  assert.is(await world.files.readText(file), 'mine')
  await evidence(context, { force: true })
  assert.is(((await world.files.info(file))?.mode ?? 0) & 0o777, 0o600)
  for (const [output, why] of [
    [folder, 'is a folder'],
    ['', 'is empty'],
    [join(file, 'x.zip'), 'is no folder'],
  ] as const) {
    const error = await refusal(evidence(context, { output, force: true }))
    assert.is(error.code, 'USAGE')
    assert.match(error.message, why)
  }
  assert.is((await refusal(evidence(context, {}, 'debian-31@1.0.0'))).code, 'NOT_FOUND')
  assert.is((await refusal(evidenceVerb({ world, args: [], options: {} }))).code, 'USAGE')
  // Whoever trusts another key alone gets nothing.
  const strange = join(folder, 'strange.pem')
  await world.exec.run(['sh', '-c', `openssl genpkey -algorithm ed25519 | openssl pkey -pubout > ${strange}`])
  const untrusted = await refusal(evidence(context, { trust: strange, force: true }))
  assert.is(untrusted.code, 'VERIFY_FAILED')
  assert.match(untrusted.lines.join('\n'), /^signature: by .*nobody here trusts$/m)
})

it.run()
