import { join } from 'node:path'
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as outputsVerb } from '../../pipeline/cli/verbs/outputs.ts'
import { run as rollbackVerb } from '../../pipeline/cli/verbs/rollback.ts'
import { run as showVerb } from '../../pipeline/cli/verbs/show.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { distributeChannels } from '../../pipeline/stages/distribute.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { aws } from '../../pipeline/targets/aws/aws.ts'
import { factory } from '../cloud/stand-in.ts'
import { amiBase } from '../helpers/ami-release.ts'
import { type ChannelWorld, channelWorld, released } from '../helpers/channel-world.ts'
import { promote, told } from '../helpers/promote-by-verb.ts'
import {
  buildRegion,
  builtAmi,
  found,
  type PublishCloud,
  type SeededRelease,
  withPublishCloud,
} from '../helpers/publish-cloud.ts'

// Verbs, a real catalog and real signatures over the real target; behind it the stand-in.
const it = suite<PublishCloud & { at: ChannelWorld; world: World; releases: SeededRelease[] }>(
  'a release in every region, by verbs',
)
withPublishCloud(it)

const targets = `{aws: {account: "${factory}", build: {region: us-east-1}, regions: [us-east-1, eu-west-1], encrypt: {key: alias/golden}}}`

it.before(async (context) => {
  context.at = await channelWorld('{stable: {needs: {approvals: 0}}}')
  const { root } = context.at.world.places
  context.world = { ...context.at.later(1), env: { HOME: context.box.folder } }
  const path = join(root, 'images/debian-13.yaml')
  const text = await context.world.files.readText(path)
  await context.world.files.write(
    path,
    text.replace(/^targets:.*$/m, `targets: ${targets}`).replace('from: archive', 'from: image'),
  )
  const definition = await loadDefinition(context.world, 'debian-13')
  context.releases = []
  for (const version of ['1.0.0', '1.0.1']) {
    const release = await builtAmi(context.cloud, context.keys[buildRegion] ?? '', version, 'debian-13')
    const made = await released(context.world, `r-${version}`, {
      target: aws,
      base: amiBase,
      built: release.artifact,
      definition,
    })
    assert.is(made, version)
    context.releases.push(release)
  }
})
it.after(({ at }) => at.box.close())

const at = ({ at: world }: { readonly at: ChannelWorld }): ChannelWorld => world

it('promote: copies and parameters follow; a region that is down stays, and the same command goes on', async (context) => {
  const { cloud, world, releases } = context
  const [first, second] = releases as [SeededRelease, SeededRelease]
  const moved = await promote(at(context), world, ['debian-13@1.0.0', 'stable'])
  assert.is(moved.code, 0, moved.text)
  assert.match(moved.text, /^✓ eu-west-1 {2}1\.0\.0 {2}ami-[0-9a-f]{17}$/m)
  for (const region of ['us-east-1', 'eu-west-1']) {
    const there = await found(cloud, region, first, 'stable')
    assert.equal([there.channel, there.version], [there.image.ImageId, there.image.ImageId])
  }
  await cloud.change({ down: ['eu-west-1'] })
  const partly = await promote(at(context), world, ['debian-13@1.0.1', 'stable'])
  assert.is(partly.code, 10)
  assert.match(partly.text, /^✗ eu-west-1 stays 1\.0\.0, not 1\.0\.1 \(stable\): .*can't be reached/m)
  assert.match(partly.text, 'debian-13 stable: 1.0.0 → 1.0.1  promoted by alice')
  assert.is(partly.data.distribution.behind[0].stays, '1.0.0')
  assert.is((await found(cloud, 'us-east-1', second, 'stable')).channel, second.artifact.imageId)
  await cloud.change({ down: [] })
  const done = await promote(at(context), world, ['debian-13@1.0.1', 'stable'])
  assert.is(done.code, 0, done.text)
  assert.not.match(done.text, 'find out who')
  assert.match(done.text, 'stable points to debian-13@1.0.1 already')
  const there = await found(cloud, 'eu-west-1', second, 'stable')
  assert.equal([there.channel, there.images.length], [there.image.ImageId, 1])
})

it('a roll-back points back in every region, and copies nothing', async (context) => {
  const { cloud, world, releases } = context
  const before = (await cloud.calls()).length
  const reason = { reason: 'ssh hangs after an hour', by: 'alice' }
  const back = await told(at(context), rollbackVerb, world, ['debian-13', 'stable'], reason)
  assert.is(back.code, 0, back.text)
  const copies = (await cloud.calls()).slice(before).filter(({ action }) => action === 'CopyImage')
  assert.equal(copies, [])
  for (const region of ['us-east-1', 'eu-west-1']) {
    const there = await found(cloud, region, releases[0] as SeededRelease, 'stable')
    assert.is(there.channel, there.image.ImageId)
  }
})

it('nightly and every other channel at once, each by its own release', async (context) => {
  const { cloud, world, releases } = context
  const definition = await loadDefinition(world, 'debian-13')
  const query = { image: 'debian-13', definition, target: aws, channels: null, update: () => undefined }
  const { behind, done } = await distributeChannels(world, query, await at(context).trust())
  assert.equal(behind, [])
  assert.equal(
    done.map((text) => text.replace(/ami-\w+/g, 'AMI')),
    ['us-east-1', 'eu-west-1'].map(
      (region) => `/mintmark/debian-13/x86_64/nightly in ${region}: nothing → AMI`,
    ),
  )
  const there = await found(cloud, 'eu-west-1', releases[1] as SeededRelease)
  assert.is(there.channel, there.version)
})

it('a pointer that somebody else wrote is put back, and told', async (context) => {
  const { cloud, world, clock } = context
  const Name = '/mintmark/debian-13/x86_64/stable'
  const Value = 'ami-0000000000000bad0'
  const base = { owner: factory, public: false, regions: ['eu-west-1'] }
  await cloud.seed({ images: [{ ...base, name: 'something-else', id: Value }] })
  const ssm = new SSMClient(cloud.client(factory, 'eu-west-1'))
  await ssm.send(
    new PutParameterCommand({ Name, Value, Type: 'String', DataType: 'aws:ec2:image', Overwrite: true }),
  )
  await clock.sleep(1000)
  const back = await promote(at(context), world, ['debian-13@1.0.0', 'stable'])
  assert.is(back.code, 0, back.text)
  assert.match(
    back.text,
    `note: ${Name} in eu-west-1 named ${Value}, no image of debian-13 that the catalog knows: find out who wrote it`,
  )
  const there = await found(cloud, 'eu-west-1', context.releases[0] as SeededRelease, 'stable')
  assert.is(there.channel, there.image.ImageId)
})

it('show and outputs tell the ids by region', async (context) => {
  const { cloud, world, releases } = context
  const release = releases[1] as SeededRelease
  const { image, snapshots } = await found(cloud, 'eu-west-1', release)
  const shown = await told(at(context), showVerb, world, ['debian-13@1.0.1'])
  assert.is(shown.code, 0, shown.text)
  assert.match(
    shown.text,
    new RegExp(`^regions +us-east-1 +${release.artifact.imageId} .*as it was built$`, 'm'),
  )
  assert.match(
    shown.text,
    new RegExp(
      `^ +eu-west-1 +${image.ImageId} +${snapshots[0]?.SnapshotId} +${context.keys['eu-west-1']}$`,
      'm',
    ),
  )
  assert.equal(
    shown.data.regions.map((item: { readonly region: string }) => item.region),
    ['us-east-1', 'eu-west-1'],
  )
  const outputs = (options: Readonly<Record<string, string>>) =>
    told(at(context), outputsVerb, world, ['debian-13@stable'], options)
  const { data } = await outputs({ region: 'eu-west-1' })
  assert.is(data.cloud.parameter, '/mintmark/debian-13/x86_64/stable')
  const stable = await found(cloud, 'eu-west-1', releases[0] as SeededRelease, 'stable')
  assert.is(data.cloud.id, stable.image.ImageId)
  const { text } = await outputs({ format: 'terraform', by: 'owner' })
  const ids = [releases[0]?.artifact.imageId, stable.image.ImageId].map((id) => `"${id}"`)
  assert.match(text, `values = [${ids.join(', ')}]`)
})

it.run()
