import type { TargetId } from '../model/ids.ts'
import { qemu } from './qemu/qemu.ts'
import type { Target } from './target.ts'

/** Every target, one line each. */
export const targets: Readonly<Record<TargetId, Target>> = { qemu }
