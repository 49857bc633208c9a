import type { GateDecision } from '../model/gate.ts'
import type { Finding } from '../model/stages.ts'
import { unique } from './lists.ts'

export type Rejected = Extract<GateDecision, { verdict: 'rejected' }>

/** What people run now, and all that is known against it. */
export interface CurrentRelease {
  /** e.g. web-base@1.8.2 of stable */
  readonly name: string
  readonly findings: readonly Pick<Finding, 'id' | 'package'>[]
}

const pair = ({ id, package: name }: Pick<Finding, 'id' | 'package'>): string => `${id} ${name}`

/** Reasons that no emergency can speak for: all but findings. */
export const otherKinds = ({ reasons }: Rejected): readonly string[] =>
  unique(reasons.map(({ kind }) => kind).filter((kind) => kind !== 'finding'))

/** What rejects this image and is not in the current release as well, as `CVE package`, sorted. */
export const worseThan = (
  open: readonly Pick<Finding, 'id' | 'package'>[],
  { findings }: CurrentRelease,
): readonly string[] => {
  const known = new Set(findings.map(pair))
  return unique(open.map(pair).filter((item) => !known.has(item)))
}

/** The rejection with a word for people on what an emergency could do. */
export const withNote = (decision: Rejected, emergencyNote: string): Rejected => ({
  ...decision,
  emergencyNote,
})

/**
 * The decision that ships what is no worse than the current release, or the same rejection and why.
 * @param open the findings that reject
 * @param current null when the image has no release yet
 * @param reason as the person gave it, kept as it is
 */
export function decideEmergency(
  decision: Rejected,
  open: readonly Pick<Finding, 'id' | 'package'>[],
  current: CurrentRelease | null,
  reason: string,
): GateDecision {
  const refused = (why: string): Rejected => withNote(decision, `--emergency is refused: ${why}`)
  const others = otherKinds(decision)
  if (others.length > 0)
    return refused(`it ships findings alone, and this is rejected for ${others.join(', ')} as well`)
  if (current === null) return refused('there is no current release that this could be no worse than')
  const worse = worseThan(open, current)
  if (worse.length > 0) return refused(`worse than ${current.name}, which does not have ${worse.join(', ')}`)
  const { reasons: _, emergencyNote: __, ...rest } = decision
  return {
    ...rest,
    verdict: 'passed',
    emergency: { reason, comparedWith: current.name, shipped: [...unique(open.map(pair))] },
  }
}
