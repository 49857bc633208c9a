import type { Accelerator } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'

export interface MachineState {
  readonly accelerator: Accelerator
  readonly why: string
  /** Where the runs are. */
  readonly freeBytes: number
}

/** What this machine can do for the target. */
export async function describeMachine(world: World, target: Pick<Target, 'host'>): Promise<MachineState> {
  const { accelerator, why } = await target.host(world)
  return { accelerator, why, freeBytes: await world.files.freeBytes(world.places.runs) }
}
