import type { World } from '../ports/world.ts'
import { targets } from '../targets/registry.ts'

export interface MachineState {
  readonly accelerator: 'kvm' | 'tcg'
  readonly why: string
  /** Where the runs are. */
  readonly freeBytes: number
}

/** What this machine can do for the embedded target. */
export async function describeMachine(world: World): Promise<MachineState> {
  const { accelerator, why } = await targets.qemu.host(world)
  return { accelerator, why, freeBytes: await world.files.freeBytes(world.places.runs) }
}
