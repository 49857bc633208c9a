import { suggestion } from '../core/did-you-mean.ts'
import { variantOf } from '../core/statement.ts'
import { namedTargets } from '../core/variants.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import type { TargetId } from '../model/ids.ts'
import { type Targets, targets } from '../targets/registry.ts'
import type { Target } from '../targets/target.ts'

/**
 * The target of that id.
 * @throws MintmarkError USAGE for one that this version can't build on or read from
 */
export function targetOf(id: TargetId, known: Targets = targets): Target {
  const target = known[id]
  if (target !== undefined) return target
  throw new MintmarkError('USAGE', `the target ${id} is not in this version of mintmark`, {
    hint: `it has: ${Object.keys(known).join(', ')}`,
  })
}

/** The variant that a target makes. */
export const variantAt = ({ id, arch }: Pick<Target, 'id' | 'arch'>): string =>
  variantOf({ target: id, arch })

export interface TargetWanted {
  readonly image: string
  readonly definition: Pick<Definition, 'targets'>
  /** What a person or a run names; null for the only one of the definition. */
  readonly asked: string | null
}

/**
 * The one target that a run works for: what was asked for, else the only one that the definition names.
 * @throws MintmarkError USAGE for one that the definition does not name, and where it names several and none was asked for
 */
export function chooseTarget({ image, definition, asked }: TargetWanted, known: Targets = targets): Target {
  const named = namedTargets(definition)
  const [only] = named
  const there = `images/${image}.yaml names ${named.join(', ')}`
  if (asked !== null) {
    const id = named.find((item) => item === asked)
    if (id !== undefined) return targetOf(id, known)
    const mine = named.map((item) => `--target ${item}`).join(' or ')
    throw new MintmarkError('USAGE', `the target is "${asked}", and ${there}${suggestion(asked, named)}`, {
      hint: Object.hasOwn(known, asked)
        ? `add targets.${asked} to images/${image}.yaml (README.md says how), or give ${mine}`
        : `give one of them: ${mine}`,
    })
  }
  if (only !== undefined && named.length === 1) return targetOf(only, known)
  throw new MintmarkError('USAGE', `${there}, and --target says for which of them`, {
    hint: `give one: ${named.map((item) => `--target ${item}`).join(' or ')}`,
  })
}

/**
 * The target whose login and bundle stand for all of a definition's in what decides a version's number: with each job's own, the
 * number would depend on which of a run's jobs was first.
 */
export const leadingTarget = ({ image, definition }: Omit<TargetWanted, 'asked'>): Target =>
  chooseTarget({ image, definition, asked: namedTargets(definition)[0] ?? null })
