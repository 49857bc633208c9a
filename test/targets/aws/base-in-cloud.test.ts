import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { requireAccount } from '../../../pipeline/targets/aws/account.ts'
import { lockAmi } from '../../../pipeline/targets/aws/base/lock.ts'
import { observeAmi } from '../../../pipeline/targets/aws/base/observe.ts'
import { resolveAmi } from '../../../pipeline/targets/aws/base/resolve.ts'
import { awsCallsTable } from '../../../pipeline/targets/aws/calls-table.ts'
import { type AwsCalls, awsCalls } from '../../../pipeline/targets/aws/client.ts'
import { consumer, factory, type StandIn, startStandIn } from '../../cloud/stand-in.ts'
import type { SeededImage } from '../../cloud/stand-in-types.ts'
import { ownerOf, today } from '../../helpers/official-ami.ts'
import { refusal } from '../../helpers/refusal.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

interface Context {
  box: TestWorld
  cloud: StandIn
  entered: ReturnType<StandIn['enter']>
}

const base = suite<Context>('AMIs of a cloud')

const debian = ownerOf('debian').account
const redHat = ownerOf('rhel')
const regions = ['eu-west-1']

const image = (name: string, day: string, more: Partial<SeededImage> = {}): SeededImage => ({
  name,
  owner: debian,
  alias: 'amazon',
  regions,
  created: `${day}T18:31:07Z`,
  deprecated: '2028-11-20T00:00:00Z',
  rootDeviceName: '/dev/xvda',
  ...more,
})

const current = image('debian-13-amd64-20261117-2299', '2026-11-17', { id: 'ami-0000000000000d013' })
const parameter = '/aws/service/debian/release/13/latest/amd64'

const rhel = (name: string, day: string, more: Partial<SeededImage> = {}): SeededImage =>
  image(name, day, { owner: redHat.account, ...redHat.billing, ...more })

base.before(async (context) => {
  context.box = await testWorld()
  context.cloud = await startStandIn(context.box.world, {
    seed: {
      images: [
        current,
        // What somebody else calls so is newer, and is nobody's base.
        image('debian-13-amd64-20261120-9999', '2026-11-20', {
          owner: '999999999999',
          id: 'ami-00000000000000bad',
        }),
        rhel('RHEL-9.6.0_HVM-20261115-x86_64-0-Hourly2-GP3', '2026-11-15'),
        rhel('RHEL-9.8.0_HVM-20261028-x86_64-0-Hourly2-GP3', '2026-10-28', { id: 'ami-00000000000000980' }),
        rhel('RHEL-9.9.0_HVM-20261121-x86_64-0-Hourly2-GP3', '2026-11-21', { owner: '999999999999' }),
      ],
      // More of the owner's than two pages have: found by the same filter, and none of them a base.
      crowds: [
        { count: 1100, image: rhel('RHEL-9.9.0_HVM-odd-x86_64-0-Hourly2-GP3', '2026-01-01'), regions },
      ],
      parameters: [{ name: parameter, value: 'ami-0000000000000d013', regions }],
    },
  })
  context.entered = context.cloud.enter()
})
base.after(async ({ box, cloud, entered }) => {
  entered.restore()
  await cloud.close()
  await box.close()
})
base.after.each(({ cloud }) => cloud.change({ denials: [], faults: [], down: [] }))

/** Work with calls of eu-west-1, whose connections are let go of. */
async function called<T>(work: (calls: AwsCalls) => Promise<T>): Promise<T> {
  const calls = awsCalls({ region: 'eu-west-1', signal: new AbortController().signal, attempts: 4 })
  try {
    return await work(calls)
  } finally {
    calls.close()
  }
}

const asked = (calls: AwsCalls, family = 'debian', release = '13') => ({
  calls,
  image: 'web',
  family,
  release,
  arch: 'x86_64' as const,
  maxAge: '90d',
  earlier: null,
  now: today,
})

base('found by the parameter, locked with where it comes from, and resolved again', async ({ cloud }) => {
  await called(async (calls) => {
    const before = (await cloud.calls()).length
    const lock = await lockAmi(asked(calls))
    assert.is(lock.name, current.name)
    assert.is(lock.owner, debian)
    assert.equal(
      lock.regions['eu-west-1']?.ancestry?.map((entry) => entry.imageId),
      [current.id],
    )
    const found = await resolveAmi({ calls, image: 'web', lock, maxAge: '90d', now: today })
    assert.is(found.imageId, current.id)
    assert.is(found.bootMode, 'uefi-preferred')
    const made = (await cloud.calls()).slice(before)
    assert.equal(
      made.map((call) => [`${call.service}:${call.action}`, call.region, call.account, call.result]),
      [
        ['ssm:GetParameter', 'eu-west-1', factory, 'ok'],
        ['ec2:DescribeImages', 'eu-west-1', factory, 'ok'],
        ['ec2:GetImageAncestry', 'eu-west-1', factory, 'ok'],
        ['ec2:DescribeImages', 'eu-west-1', factory, 'ok'],
        ['ec2:GetImageAncestry', 'eu-west-1', factory, 'ok'],
      ],
    )
    assert.ok(made.every((call) => `${call.service}:${call.action}` in awsCallsTable))
  })
})

base('found by name among 1100 others of the owner, on whichever page', async ({ cloud }) => {
  await called(async (calls) => {
    const before = (await cloud.calls()).length
    const { evidence } = await observeAmi(asked(calls, 'rhel', '9'))
    assert.is(evidence.imageId, 'ami-00000000000000980')
    const pages = (await cloud.calls()).slice(before).filter((call) => call.action === 'DescribeImages')
    assert.is(pages.length, 3)
  })
})

base(
  'a parameter that points to the image of somebody else, or to one with a product code',
  async ({ cloud }) => {
    await called(async (calls) => {
      await cloud.seed({ parameters: [{ name: parameter, value: 'ami-00000000000000bad', regions }] })
      const bad = await refusal(observeAmi(asked(calls)))
      assert.is(bad.code, 'BASE_REFUSED')
      assert.match(bad.message, 'owner is 999999999999, expected 136693071363')
      await cloud.seed({
        images: [
          image('debian-13-amd64-20261118-2301', '2026-11-18', {
            id: 'ami-00000000000000c0d',
            productCodes: [{ id: 'abcdef' }],
            public: false,
            owner: debian,
          }),
        ],
        parameters: [{ name: parameter, value: 'ami-00000000000000c0d', regions }],
      })
      const hidden = await refusal(observeAmi(asked(calls)))
      assert.match(hidden.message, "names ami-00000000000000c0d, which this account can't see")
      await cloud.seed({
        images: [
          image('debian-13-amd64-20261119-2302', '2026-11-19', {
            id: 'ami-00000000000000c0e',
            productCodes: [{ id: 'abcdef' }],
          }),
        ],
        parameters: [{ name: parameter, value: 'ami-00000000000000c0e', regions }],
      })
      assert.match((await refusal(observeAmi(asked(calls)))).message, 'product code abcdef')
      await cloud.seed({ parameters: [{ name: parameter, value: current.id ?? '', regions }] })
    })
  },
)

base('a missing permission names what to add', async ({ cloud }) => {
  for (const [action, resource] of [
    ['ssm:GetParameter', `arn:aws:ssm:eu-west-1::parameter${parameter}`],
    ['ec2:DescribeImages', '*'],
    ['ec2:GetImageAncestry', '*'],
  ] as const)
    await called(async (calls) => {
      await cloud.change({ denials: [{ action, ...(resource === '*' ? {} : { resource }) }] })
      const error = await refusal(observeAmi(asked(calls)))
      assert.is(error.code, 'PROVIDER_REFUSED')
      assert.match(error.message, `may not ${action}`)
      const statement = JSON.parse(error.lines[0] ?? '{}') as Readonly<Record<string, unknown>>
      assert.equal([statement['Effect'], statement['Action']], ['Allow', action])
      if (resource !== '*') assert.is(statement['Resource'], resource)
    })
})

base(
  'throttled for a while, busy for a while: found all the same; a region that is down is told',
  async ({ cloud }) => {
    await called(async (calls) => {
      await cloud.change({
        faults: [
          { action: 'ssm:GetParameter', kind: 'throttle', times: 2 },
          { action: 'ec2:DescribeImages', kind: 'error' },
          { action: 'ec2:GetImageAncestry', kind: 'cut-after' },
        ],
      })
      assert.is((await observeAmi(asked(calls))).evidence.imageId, current.id)
      await cloud.change({ faults: [], down: ['eu-west-1'] })
      const error = await refusal(observeAmi(asked(calls)))
      assert.is(error.code, 'PROVIDER_UNREACHABLE')
      assert.match(error.message, 'ssm:GetParameter in eu-west-1')
    })
  },
)

base('the wrong account is refused by one call, which makes nothing', async ({ cloud }) => {
  await called(async (calls) => {
    assert.is((await requireAccount(calls, factory, 'mintmark.yaml')).account, factory)
    const before = (await cloud.calls()).length
    const error = await refusal(requireAccount(calls, consumer, 'mintmark.yaml'))
    assert.is(error.code, 'PROVIDER_REFUSED')
    assert.match(error.message, `account ${factory}`)
    assert.match(error.message, `mintmark.yaml says ${consumer}`)
    assert.equal(
      (await cloud.calls()).slice(before).map((call) => call.action),
      ['GetCallerIdentity'],
    )
  })
})

base('a role of another account is that account, until its credentials have expired', async ({ cloud }) => {
  const sts = new STSClient(cloud.client())
  const { Credentials: given } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: `arn:aws:iam::${consumer}:role/builder`,
      RoleSessionName: 'run-7',
      DurationSeconds: 900,
    }),
  )
  sts.destroy()
  const own = { ...process.env }
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: given?.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: given?.SecretAccessKey,
    AWS_SESSION_TOKEN: given?.SessionToken,
  })
  try {
    await called(async (calls) => {
      const identity = await requireAccount(calls, consumer, 'mintmark.yaml')
      assert.is(identity.arn, `arn:aws:sts::${consumer}:assumed-role/builder/run-7`)
      await cloud.change({ advanceSeconds: 1000 })
      for (const error of [
        await refusal(requireAccount(calls, consumer, 'mintmark.yaml')),
        await refusal(observeAmi(asked(calls))),
        await refusal(observeAmi(asked(calls, 'rhel', '9'))),
      ]) {
        assert.is(error.code, 'PROVIDER_REFUSED')
        assert.match(error.message, 'these AWS credentials have expired')
      }
    })
  } finally {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) process.env[name] = own[name]
    delete process.env['AWS_SESSION_TOKEN']
    await cloud.change({ advanceSeconds: -1000 })
  }
})

base.run()
