import type { Arch } from '../../../model/ids.ts'
import type { Instance, LaunchInput } from '../../instance.ts'
import { callersOf } from '../build/address.ts'
import type { AwsCalls } from '../client.ts'
import { awsOf } from '../connect.ts'
import { keyIn } from '../publish/region-key.ts'
import { launch } from './launch.ts'

/**
 * Launches an AMI as its definition says: type, network, who may reach it.
 * @param calls of the region that the AMI is in
 * @throws MintmarkError as `callersOf` and `launch`
 */
export async function launchFor(calls: AwsCalls, arch: Arch, input: LaunchInput): Promise<Instance> {
  const { definition, world } = input
  const { image, runId: run, version } = input.run
  const spec = awsOf(image, definition)
  return launch(calls, {
    ...input,
    marks: { image, version, run, owner: definition.owner },
    arch,
    instanceType: spec.instanceType,
    subnet: spec.build.network?.subnet ?? null,
    key: keyIn(spec, calls.region),
    from: await callersOf(world, spec),
  })
}
