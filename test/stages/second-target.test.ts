import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as outputsVerb } from '../../pipeline/cli/verbs/outputs.ts'
import { parentOf } from '../../pipeline/core/base-facts.ts'
import { provenanceOf } from '../../pipeline/core/provenance.ts'
import { auditRelease } from '../../pipeline/stages/audit.ts'
import { buildStage } from '../../pipeline/stages/build.ts'
import { checkCatalog } from '../../pipeline/stages/catalog-check.ts'
import { earlierBoots } from '../../pipeline/stages/earlier-boots.ts'
import { gateStage } from '../../pipeline/stages/gate.ts'
import { publishStage } from '../../pipeline/stages/publish.ts'
import { findRelease, locateRelease, openRecord } from '../../pipeline/stages/read-release.ts'
import { trustedKeys, verifyRelease } from '../../pipeline/stages/verify-release.ts'
import { reportPage } from '../../pipeline/stages/write-report.ts'
import { ami, amiBase, cloudTarget } from '../helpers/ami-release.ts'
import { refusal } from '../helpers/refusal.ts'
import { fixtureRelease, fixtureRun } from '../helpers/release-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// The same stages over a target whose images are no files: a real catalog, real signatures, and a cloud that answers from memory.
const second = suite<{ box: TestWorld }>('second target')

second.before.each(async (context) => {
  context.box = await testWorld()
})
second.after.each((context) => context.box.close())

const release = (box: TestWorld, built = ami) =>
  fixtureRelease(box.world, { target: cloudTarget(), base: amiBase, built })

second('a record of ids instead of bytes, under the variant of its target', async ({ box }) => {
  const { version, published } = await release(box)
  assert.equal(published, { subject: ami.sha256, bytes: ami.bytes, blob: null })
  const located = await locateRelease(box.world, `debian-13@${version}`)
  assert.is(located.variant, 'aws-x86_64')
  const { subject, predicate } = openRecord(located).statement
  assert.equal(predicate.artifact, ami)
  assert.is(subject[0]?.name, 'debian-13-1.0.0-aws-x86_64.ami')
  assert.is(subject[0]?.digest.sha256, ami.sha256)
  assert.equal([predicate.target, predicate.login], ['aws', 'admin'])
  assert.equal(predicate.base, amiBase)
  assert.is(predicate.fingerprint?.base.from, 'ami')
  assert.is(parentOf(predicate), null)
  const [from] = provenanceOf(predicate)?.predicate.buildDefinition.resolvedDependencies ?? []
  assert.is(from?.uri, `arn:aws:ec2:eu-west-1::image/${amiBase.imageId}`)
  assert.is(from?.digest.sha256, amiBase.id)
})

second('its reports name the AMI that it was built on', async ({ box }) => {
  const { context, outputs } = await fixtureRun(box.world, '1.0.0', {
    target: cloudTarget(),
    base: amiBase,
    built: ami,
  })
  assert.ok(outputs.gate)
  await gateStage.after?.(context, outputs.gate)
  const page = await box.world.files.readText(reportPage(context.folder))
  for (const said of ['the publisher&#x27;s AMI', amiBase.imageId, amiBase.snapshot, ami.sha256])
    assert.ok(page.includes(said), said)
})

second('what a cloud keeps is no blob: the catalog is whole without it', async ({ box }) => {
  await release(box)
  const check = await checkCatalog(box.world, () => undefined)
  assert.equal([check.problems, check.broken], [[], []])
})

second('its links are right, and what nobody here can look at is not called right', async ({ box }) => {
  await release(box)
  const located = await locateRelease(box.world, 'debian-13')
  const trust = { trust: await trustedKeys(box.world, null), onlyTrust: false }
  assert.is((await verifyRelease(box.world, located, { ...trust, blobs: false })).ok, true)
  const { links } = await verifyRelease(box.world, located, { ...trust, blobs: true })
  const artifact = links.find(({ name }) => name === 'artifact')
  assert.is(artifact?.right, false)
  assert.match(
    artifact?.text ?? '',
    'ami-0123456789abcdef0 in eu-west-1 of the account 123456789012 could not be looked at',
  )
})

second('a record whose digest is not that of its ids is about nothing', async ({ box }) => {
  await release(box, { ...ami, imageId: 'ami-0000000000000000a' })
  const located = await locateRelease(box.world, 'debian-13')
  const trust = { trust: await trustedKeys(box.world, null), onlyTrust: false }
  const { ok, links } = await verifyRelease(box.world, located, { ...trust, blobs: false })
  assert.is(ok, false)
  assert.match(
    links.find(({ name }) => name === 'subject')?.text ?? '',
    'is not the digest of ami-0000000000000000a',
  )
})

second('two targets of one run make one version, and each is found by its variant', async ({ box }) => {
  const local = await fixtureRelease(box.world)
  const cloud = await release(box)
  assert.is(cloud.version, local.version)
  for (const variant of ['qemu-x86_64', 'aws-x86_64']) {
    assert.is((await locateRelease(box.world, 'debian-13', variant)).variant, variant)
    assert.is((await locateRelease(box.world, 'debian-13@1.0.0', variant)).variant, variant)
  }
  for (const ref of ['debian-13', 'debian-13@1.0.0'])
    assert.is((await locateRelease(box.world, ref)).variant, 'qemu-x86_64', 'the file of this machine first')
  const none = await refusal(locateRelease(box.world, 'debian-13', 'azure-x86_64'))
  assert.equal(
    [none.code, none.message],
    ['NOT_FOUND', 'debian-13 has no channel "nightly" for azure-x86_64'],
  )
  assert.is((await earlierBoots(box.world, 'debian-13', 'qemu-x86_64'))?.accelerator, 'tcg')
})

second('an auditor is told where it is, also by a mintmark that lacks its target', async ({ box }) => {
  await release(box)
  const trust = { trust: await trustedKeys(box.world, null), onlyTrust: false }
  const asked = { release: await findRelease(box.world, 'debian-13'), instance: null }
  const { answer } = await auditRelease(box.world, asked, { trust, bytes: false })
  assert.match(JSON.stringify(answer), 'ami-0123456789abcdef0 in eu-west-1')
})

second('outputs gives the ids, and no path', async ({ box }) => {
  await release(box)
  const world = { ...box.world, places: { ...box.world.places, root: join(box.folder, 'checkout') } }
  await outputsVerb({ world, args: ['debian-13'], options: {} })
  const { path, format, cloud } = JSON.parse(box.told.results[0]?.text ?? '')
  assert.equal([path, format], [null, 'ami'])
  assert.equal(cloud, {
    account: ami.account,
    region: ami.region,
    id: ami.imageId,
    name: 'mintmark/debian-13/1.0.0/x86_64',
    parameter: '/mintmark/debian-13/x86_64/nightly',
    regions: [{ region: ami.region, id: ami.imageId }],
  })
  await outputsVerb({ world, args: ['debian-13'], options: { format: 'env' } })
  assert.match(box.told.results[1]?.text ?? '', "MINTMARK_IMAGE_ID='ami-0123456789abcdef0'")
})

second('what is released is not built again, for that would remove it', async ({ box }) => {
  const made: string[] = []
  const target = {
    ...cloudTarget(),
    buildVariables: async () => {
      made.push('build')
      return {}
    },
    sweep: async () => void made.push('sweep'),
  }
  const options = { target, base: amiBase, built: ami }
  const { context } = await fixtureRun(box.world, '1.0.0', options)
  await fixtureRelease(box.world, options)
  const error = await refusal(buildStage.run(context))
  assert.equal([error.code, error.hint], ['CONFLICT', './mintmark release debian-13 --fresh'])
  assert.match(error.message, 'debian-13@1.0.0 is released')
  assert.equal(made, [])
})

second('another image than the gate judged is not published', async ({ box }) => {
  const { context } = await fixtureRun(box.world, '1.0.0', {
    target: cloudTarget(),
    base: amiBase,
    built: ami,
  })
  const need = context.need
  const changed = {
    ...context,
    need: ((id) => (id === 'gate' ? { ...need('gate'), subject: '0'.repeat(64) } : need(id))) as typeof need,
  }
  assert.is((await refusal(publishStage.run(changed))).code, 'CHAIN_BROKEN')
})

second('a release of before there was a second target says the same as ever', async ({ box }) => {
  await fixtureRelease(box.world)
  const { predicate } = (await findRelease(box.world, 'debian-13')).statement
  assert.equal(Object.keys(predicate.artifact).sort(), ['bytes', 'format', 'sha256', 'virtualBytes'])
  const build = JSON.parse(
    Buffer.from(await box.world.catalog.getBlob(predicate.reports['build']?.sha256 ?? '')).toString('utf8'),
  )
  assert.equal(Object.keys(build.artifact).sort(), ['bytes', 'path', 'sha256', 'virtualBytes'])
  assert.is(build.artifact.path, 'image.qcow2')
})

second.run()
