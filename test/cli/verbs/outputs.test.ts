import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../../pipeline/cli/verbs/outputs.ts'
import { MintmarkError } from '../../../pipeline/errors.ts'
import type { World } from '../../../pipeline/ports/world.ts'
import { type FixtureRelease, fixtureRelease } from '../../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  box: TestWorld
  world: World
  first: FixtureRelease
}

const it = suite<Context>('outputs verb')

it.before.each(async (context) => {
  context.box = await testWorld()
  const { world, folder } = context.box
  context.world = { ...world, places: { ...world.places, root: join(folder, 'checkout') } }
  context.first = await fixtureRelease(context.world)
})
it.after.each((context) => context.box.close())

async function outputs({ box, world }: Context, ref: string, format?: string) {
  box.told.results.length = 0
  assert.is(await run({ world, args: [ref], options: format === undefined ? {} : { format } }), 0)
  return box.told.results[0]?.text ?? ''
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'nothing thrown'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : String(cause)
  }
}

it('gives the same values in each format', async (context) => {
  const { world, first } = context
  const path = world.catalog.blobPath(first.published.subject) ?? ''
  assert.equal(JSON.parse(await outputs(context, 'debian-13')), {
    image: 'debian-13',
    version: '1.0.0',
    channel: 'nightly',
    sha256: first.published.subject,
    path,
    size: first.published.bytes,
    format: 'qcow2',
    login: 'debian',
  })
  assert.ok((await outputs(context, 'debian-13', 'tfvars')).includes(`image_path    = "${path}"`))
  const env = await outputs(context, 'debian-13@1.0.0', 'env')
  const { stdout } = await world.exec.run(['sh', '-eu'], {
    input: `${env}\nsha256sum "$MINTMARK_IMAGE_PATH"\n`,
  })
  assert.is(stdout.split(' ')[0], first.published.subject)
})

it('suggests the format that was meant', async (context) => {
  assert.is(await codeOf(outputs(context, 'debian-13', 'tfvar')), 'USAGE')
})

it('hands nothing of an untrustworthy record to another tool', async (context) => {
  const { world, first } = context
  await chmod(world.catalog.blobPath(first.published.subject) ?? '', 0o600)
  await writeFile(world.catalog.blobPath(first.published.subject) ?? '', 'cut')
  assert.is(await codeOf(outputs(context, 'debian-13')), 'VERIFY_FAILED')
  const pointer = join(world.places.catalog, 'channels/debian-13/nightly/qemu-x86_64.json')
  const text = await readFile(pointer, 'utf8')
  await writeFile(pointer, text.replace(first.published.subject, 'ab'.repeat(32)))
  assert.is(await codeOf(outputs(context, 'debian-13')), 'VERIFY_FAILED')
  await writeFile(pointer, text)
  await rm(world.places.keys, { recursive: true })
  assert.is(await codeOf(outputs(context, 'debian-13')), 'VERIFY_FAILED')
})

it.run()
