import type { TargetId } from '../model/ids.ts'
import { aws } from './aws/aws.ts'
import { qemu } from './qemu/qemu.ts'
import type { Target } from './target.ts'

/** qemu is always there; of the others those that this version has. */
export type Targets = Readonly<Record<'qemu', Target> & Partial<Record<TargetId, Target>>>

/** Every target, one line each. */
export const targets: Targets = { qemu, aws }
