import { unique } from '../core/lists.ts'
import type { LastShare, Problem, ShareAction, ShareLine, Wanted } from '../core/share-plan.ts'
import type { PlaceSight } from '../core/share-sight.ts'
import { sharedImage } from '../core/shared-image.ts'
import { variantOf } from '../core/statement.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import { Arch, TargetId } from '../model/ids.ts'
import type { World } from '../ports/world.ts'
import type { ShareChange, ShareInput, ShareProgress, ShareScope, ShareSurvey } from '../targets/target.ts'
import type { Trust } from './chain.ts'
import { checkSignature } from './check-signature.ts'
import { targetOf } from './choose-target.ts'
import type { KnownRelease } from './share-plan.ts'

/** What is looked at besides the principals themselves. */
export interface Surveyed {
  readonly image: string
  readonly definition: Definition | null
  readonly known: readonly KnownRelease[]
  /** A version that a promotion is about to bring everywhere; null: none. */
  readonly coming: string | null
  readonly trust: Trust
}

export interface Survey {
  readonly sights: readonly PlaceSight[]
  readonly notes: readonly string[]
  problems(actions: readonly ShareAction[]): readonly Problem[]
  besides(actions: readonly ShareAction[]): readonly string[]
  /** Does changes of one target. */
  change(target: TargetId, changes: readonly ShareChange[], progress: ShareProgress): Promise<void>
}

export const targetOfVariant = (variant: string): TargetId | undefined =>
  TargetId.options.find((target) => Arch.options.some((arch) => variantOf({ target, arch }) === variant))

/** @throws MintmarkError INTERNAL for a variant of no target */
export function knownTargetOf(variant: string): TargetId {
  const target = targetOfVariant(variant)
  if (target !== undefined) return target
  throw new MintmarkError('INTERNAL', `"${variant}" is of no target`)
}

/** How the target is asked about a principal. */
export function shareInput(
  world: World,
  look: Pick<Surveyed, 'image' | 'known' | 'trust'>,
  principal: string,
  channels: readonly string[],
): ShareInput {
  return {
    world,
    principal,
    image: look.image,
    channels,
    known: look.known.map(({ release, shares }) => ({
      release: sharedImage(release.statement.predicate, release.record),
      reference:
        shares.filter(({ event }) => event.data.principal === principal).at(-1)?.event.data.reference ?? null,
    })),
    isTrusted: async (signed) =>
      (await checkSignature(world, signed, look.trust.trust, !look.trust.onlyTrust)).right,
  }
}

/** What a target is asked about all principals together. */
const shareScope = (
  world: World,
  { image, definition, known, coming }: Surveyed,
  target: TargetId,
  update: (text: string) => void,
): ShareScope => ({
  world,
  image,
  definition,
  known: known
    .filter(({ release }) => targetOfVariant(release.variant) === target)
    .map(({ release, images }) => ({
      release: sharedImage(release.statement.predicate, release.record),
      images,
    })),
  coming,
  update,
})

/** What a whole target's refusal means for those who were to be looked at there. */
function refused(inputs: readonly ShareInput[], cause: MintmarkError): ShareSurvey {
  const { message: why, hint } = cause
  const status = cause.code === 'PROVIDER_UNREACHABLE' ? 'unreachable' : 'refused'
  return {
    sights: inputs.map(({ principal }) => ({ principal, status, why, hint })),
    problems: () => (inputs.length === 0 ? [{ why, hint }] : []),
    notes: [],
    besides: () => [],
    change: () => Promise.reject(cause),
  }
}

/**
 * Looks at all principals that should have something, have it, or were to get it, at each target once; and at who else has it, where
 * that can be seen. A target that can't be looked at hides no other.
 * @throws MintmarkError what the only target says
 */
export async function survey(
  world: World,
  query: { readonly image: string; readonly channel: string | null; readonly update: (text: string) => void },
  look: Omit<Surveyed, 'image'> & {
    readonly wanted: readonly Wanted[]
    readonly history: readonly LastShare[]
    readonly intents: readonly ShareLine[]
  },
): Promise<Survey> {
  const { image, channel, update } = query
  const lines: readonly ShareLine[] = [...look.wanted, ...look.history, ...look.intents]
  // Who lost everything is not visited for ever.
  const alive = [...look.wanted, ...look.history.filter((item) => item.granted), ...look.intents]
  const named = alive.filter((item) => channel === null || item.channel === channel)
  const variants = [...lines.map((item) => item.variant), ...look.known.map(({ release }) => release.variant)]
  const targets = TargetId.options.filter((id) => variants.some((variant) => targetOfVariant(variant) === id))
  const surveys = new Map<TargetId, ShareSurvey>()
  for (const target of targets) {
    const principals = unique(
      named.filter((item) => targetOfVariant(item.variant) === target).map((item) => item.principal),
    )
    const inputs = principals.map((principal) => {
      const own = lines.filter((item) => item.principal === principal)
      return shareInput(world, { image, ...look }, principal, unique(own.map((item) => item.channel)))
    })
    const { sharing } = targetOf(target)
    try {
      surveys.set(
        target,
        await sharing.observe(shareScope(world, { image, ...look }, target, update), inputs),
      )
    } catch (cause) {
      const tell = cause instanceof MintmarkError && !['INTERRUPTED', 'INTERNAL'].includes(cause.code)
      if (!tell || targets.length === 1) throw cause
      surveys.set(target, refused(inputs, cause))
    }
  }
  const all = [...surveys.values()]
  return {
    sights: all.flatMap((item) => item.sights),
    notes: all.flatMap((item) => item.notes),
    problems: (actions) => all.flatMap((item) => item.problems(actions)),
    besides: (actions) => all.flatMap((item) => item.besides(actions)),
    async change(target, changes, progress) {
      await surveys.get(target)?.change(changes, progress)
    },
  }
}
