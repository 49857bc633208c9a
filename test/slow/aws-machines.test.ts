import { DescribeInstancesCommand, DescribeSecurityGroupsCommand, EC2Client } from '@aws-sdk/client-ec2'
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { clockScript } from '../../pipeline/core/scenario-scripts.ts'
import { lookScript, parseAnswers, parseCloudInit, parseListening } from '../../pipeline/core/ssh-answers.ts'
import type { ArtifactPlace } from '../../pipeline/model/artifact.ts'
import { instanceKey } from '../../pipeline/stages/instance-key.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { runOwnTests } from '../../pipeline/stages/own-tests.ts'
import { freshLogin, powerOff } from '../../pipeline/stages/test-power.ts'
import { awsCalls } from '../../pipeline/targets/aws/client.ts'
import { launch } from '../../pipeline/targets/aws/machines/launch.ts'
import { knownHosts } from '../../pipeline/targets/guest/ssh-client.ts'
import { factory, type StandIn, startStandIn } from '../cloud/stand-in.ts'
import { baseDisk } from '../helpers/base-disk.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// One machine of the stand-in, used for everything: what a test stage asks of an instance at AWS is asked of a real system.
const machines = suite('an instance at AWS')

const deadlineMs = 480_000
const run = '20261122T031500-Ab12Cd34'

/** An AMI with the disk of a real base, encrypted with a key of the account. */
async function encryptedImage(test: TestWorld, cloud: StandIn) {
  const definition = await loadDefinition(test.world, 'debian-13')
  const { disk } = await baseDisk(test, 'debian-13', definition)
  const { KeyMetadata: key } = await new KMSClient(cloud.client()).send(new CreateKeyCommand({}))
  const image = { name: 'mintmark/debian-13/1.0.0/x86_64', owner: factory, public: false, disk: disk.path }
  const [imageId = ''] = await cloud.seed({ images: [{ ...image, kmsKey: key?.Arn ?? '' }] })
  const artifact: ArtifactPlace = {
    format: 'ami',
    account: factory,
    region: 'us-east-1',
    imageId,
    snapshotIds: ['snap-00000000'],
  }
  return {
    definition,
    key: key?.Arn ?? '',
    diskGiB: Math.ceil(disk.virtualBytes / 2 ** 30) + 1,
    artifact,
  }
}

machines(
  'lets in with its own key alone, tells what it is, is scanned, lives on a later day, and leaves nothing',
  async () => {
    const test = await testWorld()
    const { world } = test
    const cloud = await startStandIn(world)
    const environment = cloud.enter()
    const calls = awsCalls({ region: 'us-east-1', signal: world.signal })
    const ec2 = new EC2Client(cloud.client())
    const left = async (): Promise<readonly number[]> => {
      const Filters = [{ Name: 'tag:mintmark:run', Values: [run] }]
      const { Reservations: all = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }))
      const { SecurityGroups: groups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }))
      const alive = all
        .flatMap(({ Instances: some = [] }) => some)
        .filter(({ State: state }) => state?.Name !== 'terminated')
      return [alive.length, groups.length]
    }
    try {
      const image = await encryptedImage(test, cloud)
      const folder = await world.files.tempFolder('machine-', test.folder)
      const other = await instanceKey(world, await world.files.tempFolder('key-', test.folder), 'debian')
      const machine = await launch(calls, {
        ...image,
        world,
        instance: 'mm-e2e',
        login: await instanceKey(world, folder, 'debian'),
        alsoAuthorize: [other.publicKey],
        folder,
        forward: [8080],
        link: false,
        goesOn: true,
        marks: { image: 'debian-13', version: '1.0.0', run, owner: 'team-platform' },
        instanceType: 't3.micro',
        arch: 'x86_64',
        subnet: null,
        from: ['127.0.0.1/32'],
        sshPort: cloud.sshPort,
      })
      assert.ok((await machine.waitForLogin(deadlineMs)) > 1)

      const look = `${lookScript}${machine.cloud?.questions ?? ''}\nask keys wc -l .ssh/authorized_keys\n`
      const answers = parseAnswers((await machine.ssh(look, { timeoutMs: 300_000 })).stdout)
      assert.equal([answers['user']?.text, answers['sudo']?.text], ['debian', '0'])
      assert.match(answers['keys']?.text ?? '', /^2 /)
      const cloudInit = parseCloudInit(
        answers['cloud-result']?.text ?? '',
        answers['cloud-status']?.text ?? '',
      )
      assert.equal(cloudInit?.errors, [])
      const facts = (await machine.cloud?.facts(answers)) ?? []
      assert.equal(
        facts.map(({ id, status, found }) => (status === 'pass' ? id : `${id} ${status}: ${found}`)),
        ['imds-v2-only', 'root-volume-encrypted', 'identity-document'],
      )
      assert.match(facts[2]?.found ?? '', /; signature not verified: no certificate for us-east-1/)
      // The only key that is believed is one that the guest really has, by the instance's name.
      const id = answers['instance-id']?.text ?? ''
      assert.match(id, /^i-[0-9a-f]{17}$/)
      const known = (await world.files.readText(knownHosts(folder))).trim().split('\n')
      for (const line of known) {
        assert.ok(line.startsWith(`${id} `), line)
        assert.match(answers['host-keys']?.text ?? '', line.split(' ').slice(1, 3).join(' '))
      }
      assert.ok((await machine.console(5)).length > 0)

      await machine.ssh(
        'sudo -n systemd-run --quiet --unit=web python3 -m http.server 8080 -d /usr/share/doc',
      )
      const web = { run: 'true', exit: 0 }
      const http = { http: ':8080/', https: false, status: 200 }
      const own = await runOwnTests(world, machine, [web, http])
      assert.equal(
        own.map((one) => (one.kind === 'exit' ? one.code : one.kind === 'status' ? one.status : one.problem)),
        [0, 200],
      )

      const all = Array.from({ length: 65_535 }, (_, at) => at + 1)
      // Whatever of this machine listens at all of its addresses answers in the instance's place.
      const { stdout: listens } = await machine.ssh('ss -Hltn')
      const listening = parseListening(listens)
      assert.equal(await machine.scan?.openTcpPorts(all, { listening }), [cloud.sshPort, 8080])

      const later = new Date(world.clock.now().getTime() + 430 * 86_400_000)
      const set = await machine.ssh('sudo -n sh -s', { input: clockScript(later) })
      assert.is(parseAnswers(set.stdout)['clock-set']?.code, 0, set.stdout)
      const there = await freshLogin(world, machine, 'date -u +%Y-%m')
      assert.is(there.stdout.trim(), later.toISOString().slice(0, 7), there.stderr)

      assert.ok(await powerOff(world, machine))
      await machine.stop()
      assert.equal(await left(), [1, 1])
      assert.match(await world.files.readText(`${folder}/console.log`), 'login:')
      await machine.remove?.()
      assert.equal(await left(), [0, 0])
    } finally {
      environment.restore()
      calls.close()
      await cloud.close()
      await test.close()
    }
  },
)

machines.run()
