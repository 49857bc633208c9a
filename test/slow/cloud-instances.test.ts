import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EBSClient, GetSnapshotBlockCommand, ListChangedBlocksCommand } from '@aws-sdk/client-ebs'
import {
  CreateImageCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  EC2Client,
  GetConsoleOutputCommand,
  ImportKeyPairCommand,
  type Instance,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { factory, type StandIn, startStandIn } from '../cloud/stand-in.ts'
import { baseDisk } from '../helpers/base-disk.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// The stand-in's instances are machines: what is done in one is on its disk, in the image of it, and in what is launched of that.
const machines = suite('instances of the stand-in')

const deadlineMs = 480_000

const userData = `#cloud-config
write_files:
  - path: /etc/from-user-data
    content: "yes\\n"
`

/** What an instance says of itself, by version 2 of the metadata service alone. */
const look = `set -eu
cloud-init status --wait >/dev/null || test $? -eq 2
python3 - <<'END'
import json, urllib.error, urllib.request
def get(path, token=None, method='GET', **headers):
    if token: headers['X-aws-ec2-metadata-token'] = token
    asked = urllib.request.Request('http://169.254.169.254/latest' + path, method=method, headers=headers)
    with urllib.request.urlopen(asked) as answer: return answer.read().decode()
try: without = get('/meta-data/instance-id')
except urllib.error.HTTPError as refused: without = refused.code
token = get('/api/token', method='PUT', **{'X-aws-ec2-metadata-token-ttl-seconds': '60'})
document = json.loads(get('/dynamic/instance-identity/document', token))
print(json.dumps({'without': without, 'id': get('/meta-data/instance-id', token), 'account': document['accountId'],
    'region': document['region'], 'image': document['imageId'], 'user': get('/user-data', token).splitlines()[0]}))
END
cat /etc/from-user-data
sudo -n cloud-init query platform`

interface Cloud {
  readonly test: TestWorld
  readonly cloud: StandIn
  readonly client: EC2Client
  readonly key: string
}

async function launched({ client }: Cloud, image: string): Promise<string> {
  const { Instances: [instance] = [] } = await client.send(
    new RunInstancesCommand({
      ImageId: image,
      InstanceType: 't3.micro',
      KeyName: 'test',
      MinCount: 1,
      MaxCount: 1,
      MetadataOptions: { HttpTokens: 'required' },
      UserData: Buffer.from(userData).toString('base64'),
    }),
  )
  return instance?.InstanceId ?? ''
}

async function reached({ client, test }: Cloud, id: string, state: string): Promise<Instance> {
  for (let tries = 0; ; tries += 1) {
    const { Reservations: [reservation] = [] } = await client.send(
      new DescribeInstancesCommand({ InstanceIds: [id] }),
    )
    const instance = reservation?.Instances?.[0]
    assert.ok(instance)
    if (instance.State?.Name === state) return instance
    assert.ok(tries < 900, `${id} is ${instance.State?.Name}: ${instance.StateReason?.Message}`)
    await test.world.clock.sleep(100)
  }
}

/** Runs a script in the instance, once it lets its key in. */
async function inside(of: Cloud, id: string, script: string): Promise<string> {
  const { test, cloud, key } = of
  const { PublicIpAddress: address = '' } = await reached(of, id, 'running')
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'BatchMode=yes',
    'ConnectTimeout=5',
    'LogLevel=ERROR',
  ]
  const ssh = [
    'ssh',
    ...['-F', 'none', '-i', key, '-p', String(cloud.sshPort)],
    ...options.flatMap((option) => ['-o', option]),
    `debian@${address}`,
  ]
  const began = test.world.clock.now().getTime()
  for (;;) {
    const { code, stdout, stderr } = await test.world.exec.run([...ssh, 'sh -s'], {
      input: script,
      ok: 'any',
    })
    if (code === 0) return stdout
    if (code !== 255 || test.world.clock.now().getTime() - began > deadlineMs) {
      const { Output = '' } = await of.client.send(new GetConsoleOutputCommand({ InstanceId: id }))
      throw new Error(`${code}: ${stderr}\n${Buffer.from(Output, 'base64').toString().slice(-3000)}`)
    }
    await test.world.clock.sleep(500)
  }
}

/** [image, its snapshot] of an instance, once it is available. */
async function imaged(
  { client, test }: Cloud,
  instance: string,
  name: string,
): Promise<readonly [string, string]> {
  const { ImageId = '' } = await client.send(new CreateImageCommand({ InstanceId: instance, Name: name }))
  for (;;) {
    const { Images: [image] = [] } = await client.send(new DescribeImagesCommand({ ImageIds: [ImageId] }))
    if (image?.State === 'available') return [ImageId, image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '']
    assert.is(image?.State, 'pending')
    await test.world.clock.sleep(200)
  }
}

/** How many blocks two snapshots differ in, and the first of them in the later one. */
async function changedBlock(
  { cloud }: Cloud,
  before: string,
  after: string,
): Promise<readonly [number, Uint8Array]> {
  const ebs = new EBSClient(cloud.client())
  const { ChangedBlocks = [] } = await ebs.send(
    new ListChangedBlocksCommand({ FirstSnapshotId: before, SecondSnapshotId: after }),
  )
  const first = ChangedBlocks.find((one) => one.SecondBlockToken !== undefined)
  const asked = { SnapshotId: after, BlockIndex: first?.BlockIndex, BlockToken: first?.SecondBlockToken }
  const { BlockData } = await ebs.send(new GetSnapshotBlockCommand(asked))
  return [ChangedBlocks.length, (await BlockData?.transformToByteArray()) ?? new Uint8Array()]
}

machines(
  'an instance is launched, changed, stopped and imaged; blocks are read; the image is launched',
  async () => {
    const test = await testWorld()
    const cloud = await startStandIn(test.world)
    try {
      const definition = await loadDefinition(test.world, 'debian-13')
      const { disk } = await baseDisk(test, 'debian-13', definition)
      const official = { name: 'debian-13-amd64', owner: '136693071363', disk: disk.path }
      const [base = ''] = await cloud.seed({ images: [official] })
      const client = new EC2Client(cloud.client())
      const key = join(test.folder, 'id_ed25519')
      await test.world.exec.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
      const pair = { KeyName: 'test', PublicKeyMaterial: await readFile(`${key}.pub`) }
      await client.send(new ImportKeyPairCommand(pair))
      const of: Cloud = { test, cloud, client, key }

      const first = await launched(of, base)
      const [said = '', written, platform] = (await inside(of, first, look)).split('\n')
      const expected = {
        without: 401,
        id: first,
        account: factory,
        region: 'us-east-1',
        image: base,
        user: '#cloud-config',
      }
      assert.equal([JSON.parse(said), written, platform], [expected, 'yes', 'ec2'])
      // A running machine's disk as it stands, without a reboot; the machine goes on above it.
      await inside(of, first, 'echo first | sudo -n tee /srv/mark >/dev/null; sync')
      const live = { InstanceId: first, Name: 'live', NoReboot: true }
      const { ImageId: liveImage = '' } = await client.send(new CreateImageCommand(live))
      await inside(of, first, 'echo second | sudo -n tee /srv/mark >/dev/null')
      await client.send(new StopInstancesCommand({ InstanceIds: [first] }))
      const stopped = await reached(of, first, 'stopped')
      assert.equal(
        [stopped.PublicIpAddress, stopped.StateReason?.Code],
        [undefined, 'Client.UserInitiatedShutdown'],
      )
      const [golden, snapshot] = await imaged(of, first, 'golden')
      await client.send(new TerminateInstancesCommand({ InstanceIds: [first] }))

      const { Images: [before] = [] } = await client.send(
        new DescribeImagesCommand({ ImageIds: [liveImage] }),
      )
      const [count, block] = await changedBlock(
        of,
        before?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '',
        snapshot,
      )
      assert.ok(count > 0 && count < 1000, `${count} blocks`)
      assert.is(block.length, 512 * 1024)

      const second = await launched(of, golden)
      assert.is.not(second, first)
      const again = await inside(of, second, 'sudo -n cloud-init query instance_id; cat /srv/mark')
      assert.equal(again.trim().split('\n'), [second, 'second'])
      // What the guest does by itself is seen outside.
      await inside(
        of,
        second,
        'sudo -n systemd-run --quiet --on-active=1 --timer-property=AccuracySec=100ms systemctl poweroff',
      )
      assert.is((await reached(of, second, 'stopped')).StateReason?.Code, 'Client.InstanceInitiatedShutdown')
    } finally {
      await cloud.close()
      await test.close()
    }
  },
)

machines.run()
