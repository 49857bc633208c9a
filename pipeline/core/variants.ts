import type { Definition } from '../model/definition.ts'
import { TargetId } from '../model/ids.ts'
import { variantOf } from './statement.ts'

/** The targets that a definition names, in the order of the format. */
export const namedTargets = ({ targets }: Pick<Definition, 'targets'>): readonly TargetId[] => {
  const named: readonly string[] = Object.keys(targets)
  return TargetId.options.filter((id) => named.includes(id))
}

/** The variants that a version of this definition has when it is whole: each target on each architecture, sorted. */
export const variantsOf = ({ targets, os }: Pick<Definition, 'targets' | 'os'>): readonly string[] =>
  Object.keys(targets)
    .flatMap((target) => os.arch.map((arch) => variantOf({ target, arch })))
    .sort()
