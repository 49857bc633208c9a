import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../pipeline/cli/verbs/verify.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import type { Link } from '../../pipeline/stages/verify-release.ts'
import { refusal } from '../helpers/refusal.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import {
  copyOf,
  elsewhere,
  inPayload,
  pathOf,
  record,
  type Spoiled,
  trustedEntry,
  writeTrust,
} from '../helpers/tampered.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  made: TestWorld
  at: Spoiled
  /** A folder with the record alone, as it is sent to somebody. */
  sent: string
  file: string
}

const it = suite<Context>('verify-file')
const older = record.replace('1.0.1', '1.0.0')
const image = 'debian-13-1.0.0-qemu-x86_64.qcow2'

it.before(async (context) => {
  context.made = await testWorld()
  const world = elsewhere(context.made)
  await fixtureRelease(world)
  await fixtureRelease(world, { runId: 'r-2' })
  await writeTrust({ box: context.made, world }, [await trustedEntry(world.keys)])
})
it.after(({ made }) => made.close())
it.before.each(async (context) => {
  context.at = await copyOf(context.made)
  context.sent = join(context.at.box.folder, 'mail')
  context.file = join(context.sent, 'record.dsse.json')
  await context.at.world.files.copy(pathOf(context.at, older), context.file)
})
it.after.each(({ at }) => at.box.close())

interface Outcome {
  readonly exit: number
  readonly text: string
  readonly wrong: readonly string[]
  readonly names: readonly string[]
}

async function verify({ at, file }: Context): Promise<Outcome> {
  const exit = (await run({ world: at.world, args: [file], options: {} })) ?? 0
  const { text = '', data } = at.box.told.results.at(-1) ?? {}
  const { links } = data as { readonly links: readonly Link[] }
  const wrong = links.filter((link) => !link.right).map((link) => `${link.name}: ${link.text}`)
  return { exit, text, wrong, names: [...new Set(links.map((link) => link.name))] }
}

const emptied = ({ at }: Context): Promise<void> => rm(at.world.places.catalog, { recursive: true })

it('a record of the catalog: all that the catalog has of it', async (context) => {
  const { exit, wrong, names, text } = await verify(context)
  assert.equal([exit, wrong], [0, []], text)
  assert.equal(names, ['record', 'signature', 'place', 'subject', 'artifact', 'report', 'provenance'])
})

it('a record without any catalog: signature and subject, and it says so', async (context) => {
  await emptied(context)
  const { exit, text, names } = await verify(context)
  assert.is(exit, 0, text)
  assert.equal(names, ['record', 'signature', 'place', 'subject'])
  assert.match(text, /✓ +place +debian-13@1\.0\.0 is not in the catalog .*: nothing stored was looked at/)
  assert.match(text, /record\.dsse\.json is unchanged; no image was looked at$/)
})

it('an image beside it under its own name is looked at', async (context) => {
  await emptied(context)
  await writeFile(join(context.sent, image), 'image of r-1')
  const right = await verify(context)
  assert.is(right.exit, 0, right.text)
  assert.match(right.text, /✓ +artifact +debian-13-1\.0\.0-qemu-x86_64\.qcow2 beside it has sha256:/)
  await writeFile(join(context.sent, image), 'another image')
  const { exit, wrong } = await verify(context)
  assert.is(exit, 9)
  assert.match(wrong[0] ?? '', /^artifact: .* beside it has sha256:.*, the record is about sha256:/)
})

it("another record than the catalog's is told", async (context) => {
  const { at, file } = context
  const other = await at.world.files.readText(pathOf(at, record))
  await at.world.files.remove(pathOf(at, older))
  await at.world.files.write(pathOf(at, older), other)
  const { exit, wrong } = await verify(context)
  assert.is(exit, 9)
  assert.match(
    wrong[0] ?? '',
    /^place: the catalog's record of debian-13@1\.0\.0 is sha256:.*, this one is sha256:/,
  )
  await writeFile(file, inPayload('"fail":1', '"fail":0')(await at.world.files.readText(file)))
  assert.match((await verify(context)).wrong.join('\n'), /^signature: not made by the key/)
})

it('what is no record', async (context) => {
  for (const [text, says] of [
    ['{}', /^record: the record is no DSSE envelope of mintmark/],
    ['', /^record: .*not JSON/],
    ['{"payload":', /^record: .*not JSON/],
  ] as const) {
    await writeFile(context.file, text)
    const { exit, wrong } = await verify(context)
    assert.is(exit, 9)
    assert.match(wrong[0] ?? '', says)
  }
})

it('an image file, and a name that is none, are what they were', async (context) => {
  const { at, sent } = context
  const copy = join(sent, 'image')
  await writeFile(copy, 'image of r-1')
  const found = await verify({ ...context, file: copy })
  assert.equal([found.exit, found.wrong], [0, []], found.text)
  for (const ref of [join(sent, 'nothing.json'), 'debian-13@9.9.9']) {
    try {
      await run({ world: at.world, args: [ref], options: {} })
      assert.unreachable(ref)
    } catch (cause) {
      assert.ok(cause instanceof MintmarkError && cause.code === 'NOT_FOUND', String(cause))
    }
  }
})

it('--trust takes a policy too, and --print-key prints an entry for it', async (context) => {
  const { at, file } = context
  await run({ world: at.world, args: [], options: { printKey: true } })
  const entry = at.box.told.results.at(-1)?.text ?? ''
  assert.match(entry, /^# into scans\/policies\/trust\.yaml: .*\nkeys:\n {2}- keyid: [0-9a-f]{64}\n/)
  const taken = await refusal(run({ world: at.world, args: [file], options: { printKey: true } }))
  assert.is(taken.code, 'USAGE')
  const trust = join(at.box.folder, 'auditor.yaml')
  await writeFile(trust, `# of the auditors\nschema: 1\n${entry.replace('team-NAME', 'team-platform')}\n`)
  assert.is(await run({ world: at.world, args: [file], options: { trust } }), 0)
  await writeFile(trust, 'schema: 1\nkeys: []\n')
  assert.is(await run({ world: at.world, args: [file], options: { trust } }), 9)
  // Nothing speaks against its bytes.
  const told = at.box.told.results.at(-1)
  assert.match(
    told?.text ?? '',
    /record\.dsse\.json is signed by nobody who is trusted here \(.*\)\n→ who is trusted: /,
  )
  assert.is(JSON.parse(JSON.stringify(told?.data)).untrusted, true)
})

it('what is signed and is no record is called by its name', async (context) => {
  const { at, file } = context
  const { catalog } = at.world
  const copy = async (name: string, text: string): Promise<string> => {
    const path = join(dirname(file), name)
    await writeFile(path, text)
    return path
  }
  const [move = ''] = (await catalog.list('history/')).filter((key) => key.endsWith('.dsse.json'))
  const { reports } = (await findRelease(at.world, 'debian-13')).statement.predicate
  const provenance = Buffer.from(await catalog.getBlob(reports['provenance']?.sha256 ?? '')).toString()
  for (const [path, says] of [
    [await copy('move.json', (await catalog.read(move))?.value ?? ''), /a move of a channel of debian-13/],
    [await copy('provenance.json', provenance), /the provenance of an image/],
  ] as const) {
    const error = await refusal(run({ world: at.world, args: [path], options: {} }))
    assert.is(error.code, 'USAGE')
    assert.match(error.message, says)
    assert.match(error.hint, './mintmark ')
  }
})

it.run()
