import { ChannelNeeds } from '../model/channel.ts'
import type { Definition } from '../model/definition.ts'
import type { Approved } from '../model/event.ts'
import { dayMs, hourMs } from './days.ts'

/** What the definition asks of a channel; one approval where it says nothing. */
export const needsOf = (definition: Definition, channel: string): ChannelNeeds =>
  definition.channels[channel]?.needs ?? ChannelNeeds.parse({})

/** Milliseconds of a time to soak, e.g. of `48h`. */
export const soakMs = (soak: string): number =>
  Number.parseInt(soak, 10) * (soak.endsWith('d') ? dayMs : hourMs)

/** A name without what two spellings of it may differ in. */
const personOf = (name: string): string => name.normalize('NFKC').trim().toLowerCase()

/** The same person, however the name is written. */
export const isSamePerson = (one: string, other: string): boolean => personOf(one) === personOf(other)

/** An approval with the digest of its event. */
export interface GivenApproval {
  readonly data: Approved
  readonly event: string
}

export interface CountedApprovals {
  /** The first of each person. */
  readonly counted: readonly GivenApproval[]
  /** Those that don't count, and why. */
  readonly idle: readonly { readonly by: string; readonly why: string }[]
}

/**
 * Which approvals of a channel count: of this very diff, one a person, none of who promotes or asked for that.
 * @param promoters who promotes, and who asked for it where that is somebody else
 * @param diff digest of the diff as it is now
 * @param spent events that a move of the channel has used already
 */
export function countApprovals(
  given: readonly GivenApproval[],
  {
    channel,
    diff,
    promoters,
    spent = new Set(),
  }: {
    readonly channel: string
    readonly diff: string
    readonly promoters: readonly string[]
    readonly spent?: ReadonlySet<string>
  },
): CountedApprovals {
  const counted: GivenApproval[] = []
  const idle: { readonly by: string; readonly why: string }[] = []
  for (const approval of given) {
    const { by, diff: seen, from } = approval.data
    if (approval.data.channel !== channel) continue
    if (counted.some((other) => isSamePerson(other.data.by, by))) continue
    if (seen !== diff)
      idle.push({ by, why: `saw another diff, from ${from ?? 'nothing'} (sha256:${seen.slice(0, 12)}…)` })
    else if (spent.has(approval.event))
      idle.push({ by, why: 'approved it before it was rolled back, and has to look anew' })
    else if (promoters.some((name) => isSamePerson(by, name)))
      idle.push({ by, why: 'promotes it, or asked for that, and so does not count' })
    else counted.push(approval)
  }
  const names = counted.map((item) => item.data.by)
  return { counted, idle: idle.filter(({ by }) => !names.some((name) => isSamePerson(name, by))) }
}
