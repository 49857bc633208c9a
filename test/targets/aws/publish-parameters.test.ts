import {
  GetParameterCommand,
  GetParameterHistoryCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PointInput, pointParameter } from '../../../pipeline/targets/aws/publish/parameters.ts'
import {
  aws,
  built,
  builtAmi,
  callsTo,
  distribute,
  found,
  type PublishCloud,
  type SeededRelease,
  withPublishCloud,
} from '../../helpers/publish-cloud.ts'
import { refusal } from '../../helpers/refusal.ts'

const parameters = suite<PublishCloud>('parameters that name an AMI')
withPublishCloud(parameters)

const ssm = ({ cloud }: PublishCloud): SSMClient => new SSMClient(cloud.client())

const namedBy = async (context: PublishCloud, Name: string): Promise<string | null> =>
  ssm(context)
    .send(new GetParameterCommand({ Name }))
    .then(
      ({ Parameter }) => Parameter?.Value ?? null,
      (cause: Error) => {
        assert.is(cause.name, 'ParameterNotFound')
        return null
      },
    )

async function point(
  context: PublishCloud,
  { facts, artifact }: SeededRelease,
  more: Partial<PointInput> = {},
): Promise<string> {
  const calls = callsTo(context.cloud)
  const parameter = `/mintmark/${facts.image}/x86_64/nightly`
  try {
    await pointParameter({
      world: { clock: context.clock, signal: context.box.world.signal },
      calls,
      parameter,
      imageId: artifact.imageId,
      from: await namedBy(context, parameter),
      moves: true,
      tier: 'standard',
      tags: [{ Key: 'mintmark:image', Value: facts.image }],
      ...more,
    })
    return parameter
  } finally {
    calls.close()
  }
}

parameters('put, validated by AWS later, read back, resolved; and moved on', async (context) => {
  await context.cloud.change({ settings: { pendingSeconds: 20 } })
  const [first, second] = [await built(context), await built(context)]
  const name = await point(context, first)
  assert.is(await namedBy(context, name), first.artifact.imageId)
  await point(context, second, { parameter: name, from: first.artifact.imageId })
  assert.is(await namedBy(context, name), second.artifact.imageId)
  const { Parameters = [] } = await ssm(context).send(new GetParameterHistoryCommand({ Name: name }))
  assert.equal(
    Parameters.map(({ Value, DataType }) => [Value, DataType]),
    [
      [first.artifact.imageId, 'aws:ec2:image'],
      [second.artifact.imageId, 'aws:ec2:image'],
    ],
  )
})

parameters(
  'what AWS drops without a word is found out, and the parameter stays as it was',
  async (context) => {
    const release = await built(context)
    const lost = { imageId: 'ami-0123456789abcdef0' }
    const none = await refusal(point(context, release, lost))
    assert.is(none.code, 'PROVIDER_REFUSED')
    assert.match(none.message, 'did not come to name ami-0123456789abcdef0: it names nothing, as before')
    const name = await point(context, release)
    const error = await refusal(point(context, release, lost))
    assert.match(error.message, `it names ${release.artifact.imageId}, as before`)
    assert.is(await namedBy(context, name), release.artifact.imageId)
  },
)

parameters('one that does not resolve is rolled back, and a new one is taken away', async (context) => {
  const [first, second] = [await built(context), await built(context)]
  const unseen = {
    faults: [
      { action: 'ec2:DescribeImages', kind: 'refuse', code: 'InvalidAMIID.NotFound', times: 1 } as const,
    ],
  }
  await context.cloud.change(unseen)
  const none = await refusal(point(context, first))
  assert.match(none.message, "which can't be launched: it names nothing, as before")
  const name = `/mintmark/${first.facts.image}/x86_64/nightly`
  assert.is(await namedBy(context, name), null)
  await point(context, first)
  await context.cloud.change(unseen)
  const error = await refusal(point(context, second, { parameter: name, from: first.artifact.imageId }))
  assert.match(error.message, `it names ${first.artifact.imageId}, as before`)
  assert.is(await namedBy(context, name), first.artifact.imageId)
})

parameters('who else moved it meanwhile is not written over', async (context) => {
  const [first, second] = [await built(context), await built(context)]
  const name = await point(context, first)
  const error = await refusal(point(context, second, { parameter: name, from: null }))
  assert.is(error.code, 'CONFLICT')
  assert.is(await namedBy(context, name), first.artifact.imageId)
})

parameters('what somebody else wrote meanwhile is told as theirs, at once', async (context) => {
  const [first, second] = [await built(context), await built(context)]
  const name = `/mintmark/${first.facts.image}/x86_64/nightly`
  const theirs = new PutParameterCommand({
    Name: name,
    Value: first.artifact.imageId,
    Type: 'String',
    DataType: 'aws:ec2:image',
  })
  const calls = callsTo(context.cloud)
  // Somebody makes it right after the look.
  const ssmCalls = {
    ...calls.ssm,
    find: async (...asked: Parameters<typeof calls.ssm.find>) => {
      if (asked[0] === 'PutParameter') await ssm(context).send(theirs)
      return calls.ssm.find(...asked)
    },
  } as typeof calls.ssm
  const began = context.clock.now().getTime()
  const error = await refusal(
    point(context, second, { parameter: name, from: null, calls: { ...calls, ssm: ssmCalls } }),
  )
  calls.close()
  assert.equal([error.code, error.hint], ['CONFLICT', 'somebody else moves it: run the same command again'])
  assert.match(error.message, `names ${first.artifact.imageId} by now`)
  assert.ok(context.clock.now().getTime() - began < 30_000)
})

parameters('a version names one image for ever', async (context) => {
  const [first, second] = [await built(context), await built(context)]
  const Name = `/mintmark/${second.facts.image}/x86_64/1.0.0`
  await ssm(context).send(
    new PutParameterCommand({
      Name,
      Value: first.artifact.imageId,
      Type: 'String',
      DataType: 'aws:ec2:image',
    }),
  )
  const { left } = await distribute(context, second)
  assert.equal(
    left.map(({ why }) => why),
    [
      `${Name} in us-east-1 names ${first.artifact.imageId}, and the release is ${second.artifact.imageId} there`,
    ],
  )
  assert.is(await namedBy(context, Name), first.artifact.imageId)
  const error = await refusal(point(context, second, { parameter: Name, moves: false, from: null }))
  assert.is(error.code, 'CONFLICT')
})

parameters(
  'a channel goes on from release to release in every region; the versions stay',
  async (context) => {
    const first = await built(context)
    const next = await builtAmi(context.cloud, context.keys['us-east-1'] ?? '', '1.1.0', first.facts.image)
    assert.equal((await distribute(context, first)).left, [])
    const { left, moved } = await distribute(context, next)
    assert.equal(left, [])
    const { image } = await found(context.cloud, 'eu-west-1', first)
    const pointer = `/mintmark/${first.facts.image}/x86_64/nightly`
    assert.equal(
      moved.find(({ place }) => place === 'eu-west-1'),
      { place: 'eu-west-1', channel: 'nightly', pointer, from: image.ImageId },
    )
    for (const region of ['us-east-1', 'eu-west-1', 'us-west-2']) {
      const old = await found(context.cloud, region, first)
      assert.is(old.version, old.image.ImageId)
      assert.not.equal(old.channel, old.version)
    }
    // Back, as a rollback does it: the copies are there already.
    const back = await distribute(context, first)
    assert.equal(
      back.done.map((text) => text.replace(/ami-\w+/g, 'AMI')),
      ['us-east-1', 'eu-west-1', 'us-west-2'].map(
        (region) => `/mintmark/${first.facts.image}/x86_64/nightly in ${region}: AMI → AMI`,
      ),
    )
  },
)

parameters(
  'advanced ones, which can be shared with other accounts, where the definition says so',
  async (context) => {
    const release = await built(context)
    const before = (await context.cloud.calls()).length
    const target = aws({ parameters: { tier: 'advanced' } })
    assert.equal((await distribute(context, release, { target })).left, [])
    const puts = (await context.cloud.calls()).slice(before).filter(({ action }) => action === 'PutParameter')
    assert.is(puts.length, 6)
    for (const { parameters: asked } of puts) {
      assert.equal([asked['Tier'], asked['DataType']], ['Advanced', 'aws:ec2:image'])
      assert.equal(asked['Tags'], [
        { Key: 'mintmark:image', Value: release.facts.image },
        { Key: 'mintmark:owner', Value: 'team-platform' },
      ])
    }
  },
)

parameters.run()
