import {
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  type SecurityGroup,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import { CreateAliasCommand, CreateKeyCommand } from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AwsTarget } from '../../../../pipeline/model/aws-target.ts'
import type { Definition } from '../../../../pipeline/model/definition.ts'
import { instanceKey } from '../../../../pipeline/stages/instance-key.ts'
import { type AwsCalls, awsCalls } from '../../../../pipeline/targets/aws/client.ts'
import { type AwsLaunchInput, launch } from '../../../../pipeline/targets/aws/machines/launch.ts'
import { launchFor } from '../../../../pipeline/targets/aws/machines/launch-for.ts'
import { knownHosts } from '../../../../pipeline/targets/guest/ssh-client.ts'
import { factory } from '../../../cloud/stand-in.ts'
import { snapshotOf, withStandIn } from '../../../cloud/under-test.ts'
import { plainDefinition } from '../../../helpers/plain-definition.ts'
import { refusal } from '../../../helpers/refusal.ts'
import { type TestWorld, testWorld } from '../../../helpers/world.ts'

// Instances in name alone: what is made for each, and that all of it goes. slow/aws-machines.test.ts logs in to one, and each release of e2e/aws-release.test.ts.
const launching = suite('launch at AWS')
const { cloud, ec2, kms, goldenImage, copied, imageOf } = withStandIn(launching)

const definition = plainDefinition()
const run = '20261122T031500-Ab12Cd34'
const name = `mintmark-${run}-debian-13-mm-a`
let artifact: AwsLaunchInput['artifact'] | null = null

/** An image that is encrypted with a key of the account. */
async function encryptedImage(): Promise<AwsLaunchInput['artifact']> {
  if (artifact !== null) return artifact
  const { KeyMetadata: key } = await kms().send(new CreateKeyCommand({}))
  await kms().send(new CreateAliasCommand({ AliasName: 'alias/golden', TargetKeyId: key?.KeyId }))
  const encrypted = { Encrypted: true, KmsKeyId: key?.Arn }
  const imageId = await copied(await goldenImage(), encrypted, ec2())
  const snapshotIds = [snapshotOf(await imageOf(imageId))]
  artifact = { format: 'ami', account: factory, region: 'us-east-1', imageId, snapshotIds }
  return artifact
}

async function input(test: TestWorld, change: Partial<AwsLaunchInput> = {}): Promise<AwsLaunchInput> {
  const folder = await test.world.files.tempFolder('machine-', test.folder)
  return {
    world: test.world,
    artifact: await encryptedImage(),
    definition,
    instance: 'mm-a',
    login: await instanceKey(test.world, folder, 'debian'),
    folder,
    diskGiB: 9,
    link: false,
    marks: { image: 'debian-13', version: '1.2.3', run, owner: 'team-platform' },
    instanceType: 't3.small',
    arch: 'x86_64',
    subnet: null,
    key: 'alias/golden',
    from: ['198.51.100.7/32'],
    ...change,
  }
}

async function withCalls(work: (test: TestWorld, calls: AwsCalls) => Promise<void>): Promise<void> {
  const test = await testWorld()
  const calls = awsCalls({ region: 'us-east-1', signal: test.world.signal })
  try {
    await work(test, calls)
  } finally {
    calls.close()
    await test.close()
  }
}

const ours = [{ Name: 'tag:mintmark:run', Values: [run] }]
const instances = () => instancesOf([run])
async function instancesOf(runs: string[]) {
  const Filters = [{ Name: 'tag:mintmark:run', Values: runs }]
  const { Reservations: all = [] } = await ec2().send(new DescribeInstancesCommand({ Filters }))
  return all
    .flatMap(({ Instances: some = [] }) => some)
    .filter(({ State: state }) => state?.Name !== 'terminated')
}
async function groups(): Promise<readonly SecurityGroup[]> {
  return (await ec2().send(new DescribeSecurityGroupsCommand({ Filters: ours }))).SecurityGroups ?? []
}
async function keyPairs(): Promise<readonly string[]> {
  const { KeyPairs: all = [] } = await ec2().send(new DescribeKeyPairsCommand({}))
  return all.flatMap(({ KeyName }) => (KeyName?.startsWith('mintmark-') ? [KeyName] : []))
}
const left = async () => [(await instances()).length, (await groups()).length, (await keyPairs()).length]

launching('an instance with a group and a key of its own, marked and shut; all of it goes at the end', () =>
  withCalls(async (test, calls) => {
    const machine = await launch(calls, await input(test, { forward: [8080] }))
    const [instance] = await instances()
    assert.is(instance?.MetadataOptions?.HttpTokens, 'required')
    assert.is(instance?.MetadataOptions?.HttpPutResponseHopLimit, 1)
    assert.is(instance?.KeyName, name)
    const tags = new Map(instance?.Tags?.map(({ Key, Value }) => [Key, Value]))
    assert.equal(
      ['Name', 'mintmark:image', 'mintmark:version', 'mintmark:owner'].map((tag) => tags.get(tag)),
      [name, 'debian-13', '1.2.3', 'team-platform'],
    )
    const [group] = await groups()
    assert.is(group?.GroupName, name)
    assert.equal(
      instance?.SecurityGroups?.map(({ GroupId }) => GroupId),
      [group?.GroupId],
    )
    assert.equal(
      group?.IpPermissions?.map((rule) => [rule.IpProtocol, rule.FromPort, rule.ToPort, rule.IpRanges]),
      [22, 8080].map((port) => ['tcp', port, port, [{ CidrIp: '198.51.100.7/32' }]]),
    )
    assert.equal(await keyPairs(), [name])
    assert.equal([...(machine.forwarded ?? [])], [[8080, 8080]])
    assert.is(machine.link, null)
    await machine.stop()
    await machine.stop()
    await machine.ended
    assert.equal(await left(), [0, 0, 0])
  }),
)

launching('one that goes on is only stopped, powered on again by its folder, and removed at last', () =>
  withCalls(async (test, calls) => {
    const wanted = await input(test, { goesOn: true })
    const first = await launch(calls, wanted)
    const [before] = await instances()
    await first.stop()
    assert.equal(
      (await instances()).map(({ State }) => State?.Name),
      ['stopped'],
    )
    const again = await launch(calls, { ...wanted, goesOn: false, again: 'keeps' })
    const [after] = await instances()
    assert.equal([after?.InstanceId, after?.State?.Name], [before?.InstanceId, 'running'])
    await again.stop()
    assert.equal(await left(), [0, 0, 0])
    await again.remove?.()
    await first.remove?.()
    const error = await refusal(launch(calls, { ...wanted, again: 'keeps' }))
    assert.is(error.code, 'INTERNAL')
  }),
)

launching('a clock of its own, a disk that forgets and a cut network are refused, not passed over', () =>
  withCalls(async (test, calls) => {
    const wanted = await input(test, { goesOn: true })
    const machine = await launch(calls, wanted)
    await machine.stop()
    for (const how of [{ again: 'forgets' }, { clock: new Date(0) }, { cutOff: true }] as const)
      assert.is((await refusal(launch(calls, { ...wanted, again: 'keeps', ...how }))).code, 'INTERNAL')
    await machine.remove?.()
    assert.equal(await left(), [0, 0, 0])
  }),
)

launching('what a killed process left of the same instance goes before a new one is made', () =>
  withCalls(async (test, calls) => {
    await launch(calls, await input(test))
    const [killed] = await instances()
    const machine = await launch(calls, await input(test))
    const [now, ...more] = await instances()
    assert.is.not(now?.InstanceId, killed?.InstanceId)
    assert.equal(more, [])
    assert.equal(await left(), [1, 1, 1])
    await machine.stop()
    assert.equal(await left(), [0, 0, 0])
  }),
)

launching('what another person booted of the same image stays', () =>
  withCalls(async (test, calls) => {
    const boot = async (id: string) =>
      launch(
        calls,
        await input(test, { marks: { image: 'debian-13', version: '1.2.3', run: id, owner: 'a' } }),
      )
    const alive = async () => (await instancesOf(['boot-Ab12Cd', 'boot-Ef34Gh'])).length
    const mine = await boot('boot-Ab12Cd')
    const theirs = await boot('boot-Ef34Gh')
    assert.is(await alive(), 2)
    await mine.stop()
    assert.is(await alive(), 1)
    await theirs.stop()
    assert.is(await alive(), 0)
  }),
)

launching('host keys that the console never has are told, after two minutes', () =>
  withCalls(async (test, calls) => {
    let now = Date.parse('2026-11-22T03:15:00Z')
    const clock = {
      now: () => new Date(now),
      sleep: async (ms: number) => {
        now += ms
      },
    }
    const wanted = await input(test)
    const machine = await launch(calls, { ...wanted, world: { ...test.world, clock } })
    await test.world.files.write(knownHosts(wanted.folder), 'i-1 ssh-ed25519 AAAA\n')
    await machine.cloud?.facts({})
    assert.match(test.told.lines.join('\n'), /warning: the console of mm-a .* shows no SSH host keys/)
    await machine.stop()
  }),
)

launching('an answer that is lost makes nothing twice, and leaves nothing', () =>
  withCalls(async (test, calls) => {
    const lost = [
      ...['CreateSecurityGroup', 'AuthorizeSecurityGroupIngress', 'ImportKeyPair', 'RunInstances'],
      ...['StopInstances', 'StartInstances'],
      ...['DeleteKeyPair', 'TerminateInstances', 'DeleteSecurityGroup'],
    ]
    const faults = lost.map((operation) => ({ action: `ec2:${operation}`, kind: 'cut-after' as const }))
    await cloud().change({ faults })
    const wanted = await input(test, { goesOn: true })
    const first = await launch(calls, wanted)
    assert.equal(await left(), [1, 1, 1])
    await first.stop()
    const again = await launch(calls, { ...wanted, goesOn: false, again: 'keeps' })
    assert.equal(await left(), [1, 1, 1])
    await again.stop()
    assert.equal(await left(), [0, 0, 0])
    const seen = (await cloud().calls()).slice(-200)
    for (const operation of lost)
      assert.ok(
        seen.some(({ action, result }) => action === operation && /cut/.test(result)),
        operation,
      )
  }),
)

launching('what was made goes when the instance is refused', () =>
  withCalls(async (test, calls) => {
    await cloud().change({ denials: [{ action: 'ec2:RunInstances' }] })
    const error = await refusal(launch(calls, await input(test)))
    assert.is(error.code, 'PROVIDER_REFUSED')
    assert.match(error.message, /may not ec2:RunInstances/)
    assert.equal(await left(), [0, 0, 0])
    const gone = { format: 'ami', account: factory, region: 'us-east-1' } as const
    const absent = await refusal(
      launch(
        calls,
        await input(test, { artifact: { ...gone, imageId: 'ami-00000000000000bad', snapshotIds: [] } }),
      ),
    )
    assert.is(absent.code, 'NOT_FOUND')
  }),
)

launching('a console that may not be read is an error, and everything goes all the same', () =>
  withCalls(async (test, calls) => {
    const denials = [{ action: 'ec2:GetConsoleOutput' }, { action: 'ec2:StopInstances' }]
    const ending = await launch(calls, await input(test))
    await cloud().change({ denials })
    assert.match((await refusal(ending.stop())).message, /may not ec2:GetConsoleOutput/)
    assert.equal(await left(), [0, 0, 0])
    const going = await launch(calls, await input(test, { goesOn: true }))
    assert.match((await refusal(going.stop())).message, /may not ec2:StopInstances/)
    assert.equal(await left(), [1, 1, 1])
    await going.remove?.()
    assert.equal(await left(), [0, 0, 0])
  }),
)

launching('one that never lets in, or that ends, is told by its deadline or at once', () =>
  withCalls(async (test, calls) => {
    const machine = await launch(calls, await input(test))
    const late = await refusal(machine.waitForLogin(1500))
    assert.is(late.code, 'TOOL_FAILED')
    assert.match(
      late.message,
      /^the machine mm-a \(i-[0-9a-f]+ in us-east-1, run .*\) did not answer as debian/,
    )
    const waiting = refusal(machine.waitForLogin(60_000))
    const [instance] = await instances()
    await ec2().send(new StopInstancesCommand({ InstanceIds: [instance?.InstanceId ?? ''] }))
    assert.match((await waiting).message, /ended after .* s without a login/)
    await machine.ended
    await machine.stop()
    assert.equal(await left(), [0, 0, 0])
  }),
)

launching('nothing is left behind by a process that was asked to stop', async () => {
  const test = await testWorld()
  const stop = new AbortController()
  const world = { ...test.world, signal: stop.signal }
  const calls = awsCalls({ region: 'us-east-1', signal: stop.signal })
  try {
    const machine = await launch(calls, { ...(await input(test)), world })
    const waiting = refusal(machine.waitForLogin(60_000))
    stop.abort()
    assert.is((await waiting).code, 'INTERRUPTED')
    await machine.stop()
    assert.equal(await left(), [0, 0, 0])
  } finally {
    calls.close()
    await test.close()
  }
})

launching('the cloud tells of its disk and its options what the instance itself can not', () =>
  withCalls(async (test, calls) => {
    const machine = await launch(calls, await input(test))
    const [instance] = await instances()
    const document = JSON.stringify({
      accountId: factory,
      architecture: 'x86_64',
      imageId: instance?.ImageId,
      instanceId: instance?.InstanceId,
      region: 'us-east-1',
    })
    const text = JSON.stringify({ without: 401, with: 200, document, signature: '' })
    const facts = (await machine.cloud?.facts({ metadata: { text, code: 0 } })) ?? []
    assert.equal(
      facts.map(({ id, status }) => [id, status]),
      [
        ['imds-v2-only', 'pass'],
        ['root-volume-encrypted', 'pass'],
        ['identity-document', 'pass'],
      ],
    )
    await machine.stop()
  }),
)

launching("a definition's instances are launched as it says", () =>
  withCalls(async (test, calls) => {
    const { marks: _marks, from: _from, ...rest } = await input(test)
    const run = { image: 'debian-13', runId: '20261122T031500-Ab12Cd34', version: null }
    const placed: Definition = {
      ...definition,
      targets: {
        aws: AwsTarget.parse({
          account: factory,
          build: { region: 'us-east-1', network: { from: ['203.0.113.0/28'] } },
          instanceType: 't3.medium',
          regions: ['us-east-1'],
          encrypt: { key: 'alias/elsewhere', regions: { 'us-east-1': 'alias/golden' } },
        }),
      },
    }
    const machine = await launchFor(calls, 'x86_64', { ...rest, run, definition: placed })
    assert.is((await instances())[0]?.InstanceType, 't3.medium')
    assert.equal((await groups())[0]?.IpPermissions?.[0]?.IpRanges, [{ CidrIp: '203.0.113.0/28' }])
    const volume = (await machine.cloud?.facts({}))?.find(({ id }) => id === 'root-volume-encrypted')
    assert.is(volume?.status, 'pass', 'the key is the one of the region')
    await machine.stop()
    assert.equal(await left(), [0, 0, 0])
  }),
)

launching.run()
