import type { Definition } from '../model/definition.ts'
import { variantOf } from './statement.ts'

/** The variants that a version of this definition has when it is whole: each target on each architecture, sorted. */
export const variantsOf = ({ targets, os }: Pick<Definition, 'targets' | 'os'>): readonly string[] =>
  Object.keys(targets)
    .flatMap((target) => os.arch.map((arch) => variantOf({ target, arch })))
    .sort()
