import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GetConsoleOutputCommand, RunInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { chooseAccelerator } from '../../pipeline/targets/qemu/accelerator.ts'
import { bootSectorThatPanics } from '../helpers/boot-sector.ts'
import { testWorld } from '../helpers/world.ts'
import { factory } from './stand-in.ts'
import { withStandIn } from './under-test.ts'

// Instances with a machine whose system is a boot sector; slow/cloud-instances.test.ts has those with a real one.
const machines = suite('instances with a machine')
const { cloud, ec2 } = withStandIn(machines)

const deadlineMs = 60_000

machines('one whose emulated kernel stops is started again, on its disk', async () => {
  const t = await testWorld()
  try {
    if ((await chooseAccelerator(t.world)).accelerator === 'kvm') return
    const disk = join(t.folder, 'panics.raw')
    await writeFile(disk, Buffer.concat([bootSectorThatPanics(), Buffer.alloc(2 ** 20 - 512)]))
    const id = 'ami-00000000000000bad'
    await cloud().seed({ images: [{ name: 'panics', owner: factory, id, bootMode: 'legacy-bios', disk }] })
    const { Instances: [instance] = [] } = await ec2().send(
      new RunInstancesCommand({ ImageId: id, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 }),
    )
    const InstanceId = instance?.InstanceId ?? ''
    const end = Date.now() + deadlineMs
    let said = ''
    while (!said.includes('up the second time') && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 500))
      const { Output = '' } = await ec2().send(new GetConsoleOutputCommand({ InstanceId }))
      said = Buffer.from(Output, 'base64').toString('latin1')
    }
    assert.match(said, /up the second time/)
    await ec2().send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }))
  } finally {
    await t.close()
  }
})

machines.run()
