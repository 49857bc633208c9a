import { writeFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { publishStage } from '../../pipeline/stages/publish.ts'
import { fileOf } from '../../pipeline/targets/qemu/artifact.ts'
import { fixtureRun } from '../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld }>('publish')

it.before.each(async (context) => {
  context.box = await testWorld()
})
it.after.each((context) => context.box.close())

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'nothing thrown'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : String(cause)
  }
}

it('stores exactly what the gate let pass, and the same again', async ({ box }) => {
  const { context } = await fixtureRun(box.world, '1.0.0', { artifact: 'image' })
  const digest = sha256('image')
  const first = await publishStage.run(context)
  assert.equal(first.output, {
    subject: digest,
    bytes: 5,
    blob: `blobs/sha256/${digest.slice(0, 2)}/${digest}`,
  })
  assert.equal(await publishStage.run(context), first)
  assert.equal(await box.world.catalog.checkBlob(digest), { status: 'intact', bytes: 5 })
})

it('refuses a file that changed after the gate', async ({ box }) => {
  const { context, outputs } = await fixtureRun(box.world, '1.0.0')
  if (outputs.build === undefined) throw new Error('no build')
  await writeFile(fileOf(outputs.build.artifact), 'another image')
  assert.is(await codeOf(publishStage.run(context)), 'CHAIN_BROKEN')
  assert.equal(await box.world.catalog.checkBlob(sha256('another image')), { status: 'missing' })
})

it('refuses an image that the gate did not judge', async ({ box }) => {
  const { context, outputs } = await fixtureRun(box.world, '1.0.0')
  if (outputs.gate === undefined) throw new Error('no gate')
  outputs.gate = { ...outputs.gate, subject: sha256('another image') }
  assert.is(await codeOf(publishStage.run(context)), 'CHAIN_BROKEN')
})

it('refuses a rejected image', async ({ box }) => {
  const { context, outputs } = await fixtureRun(box.world, '1.0.0')
  if (outputs.gate === undefined) throw new Error('no gate')
  const reason = { kind: 'secret', id: 'private-key', text: 'a key in /root', mend: 'remove it' } as const
  outputs.gate = { ...outputs.gate, verdict: 'rejected', reasons: [reason] }
  assert.is(await codeOf(publishStage.run(context)), 'GATE_REJECTED')
  assert.is(await box.world.files.info(box.world.places.catalog), null)
})

it.run()
