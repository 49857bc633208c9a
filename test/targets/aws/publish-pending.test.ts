import { DeleteParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pendingRegions } from '../../../pipeline/targets/aws/publish/pending.ts'
import type { Distributed } from '../../../pipeline/targets/distributing.ts'
import { unexpectedCalls } from '../../cloud/permissions.ts'
import { factory } from '../../cloud/stand-in.ts'
import {
  aws,
  built,
  callsTo,
  changes,
  distribute,
  type PublishCloud,
  type SeededRelease,
  withPublishCloud,
} from '../../helpers/publish-cloud.ts'

interface Context extends PublishCloud {
  release: SeededRelease
  told: Distributed['copies']
}

// What a plan of the night asks: where would distributing have something to do?
const it = suite<Context>('places that are behind')
withPublishCloud(it)

it.before.each(async (context) => {
  context.release = await built(context)
  const { copies, left } = await distribute(context, context.release)
  assert.equal(left, [])
  context.told = copies
})

async function pending(
  { box, cloud, clock, release, told }: Context,
  more: Partial<Parameters<typeof pendingRegions>[0]> = {},
): Promise<readonly string[]> {
  const calls = callsTo(cloud, { attempts: 1 })
  const begun = (await cloud.calls()).length
  try {
    const places = await pendingRegions({
      world: { clock, signal: box.world.signal },
      target: aws(),
      channels: ['nightly'],
      told,
      silent: new Map(),
      ...release,
      ...more,
      calls,
    })
    const made = (await cloud.calls()).slice(begun)
    assert.equal(await changes(cloud, begun), [], 'it looks only')
    assert.equal(unexpectedCalls(made, ['publisher']), [])
    return places.map(({ place, why }) => `${place}: ${why}`)
  } finally {
    calls.close()
  }
}

it('none after it was brought everywhere; what somebody took away, or nobody told, is found', async (context) => {
  const { cloud, release, told } = context
  assert.equal(await pending(context), [])
  const ssm = new SSMClient(cloud.client(factory, 'eu-west-1'))
  await ssm.send(new DeleteParameterCommand({ Name: `/mintmark/${release.facts.image}/x86_64/nightly` }))
  assert.match(
    (await pending(context)).join('\n'),
    /^eu-west-1: \/mintmark\/\S+ in eu-west-1: nothing → ami-[0-9a-f]{17}$/,
  )
  const [copy] = told
  assert.ok(copy)
  const lost = {
    ...context,
    told: told.map((one) => (one === copy ? { ...one, imageId: `ami-${'f'.repeat(17)}` } : one)),
  }
  await distribute(context, release, { told })
  assert.equal(await pending(lost), [
    `${copy.region}: no event says yet that ${copy.imageId} is its image there`,
  ])
})

it('a release of another account is behind nowhere: only another release mends that', async (context) => {
  const target = aws({ account: '999999999999' })
  assert.equal(await pending(context, { target }), [])
})

it('a region that does not answer is asked once, however many releases are looked for', async (context) => {
  const { cloud } = context
  const silent = new Map<string, string>()
  await cloud.change({ down: ['us-west-2'] })
  const first = await pending(context, { silent })
  assert.match(first.join('\n'), /^us-west-2: .*can't be reached/)
  await cloud.change({ down: [] })
  assert.equal(await pending(context, { silent }), first)
  assert.equal(await pending(context), [])
})

it.run()
