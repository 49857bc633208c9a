import type { Policy, Waiver } from '../model/gate.ts'
import type { Finding } from '../model/stages.ts'
import { dayHolds, daysUntil } from './days.ts'

/** A waiver and the file that it is written in, from the checkout. */
export interface KeptWaiver {
  readonly waiver: Waiver
  readonly file: string
}

/** What a waiver says about a finding that it is for. */
export type Standing = 'holds' | 'expired' | 'too-long' | 'other-status'

/** Is the waiver about this very finding: vulnerability, package and image? */
export const isAbout = (
  { vulnerability, package: name, image: only }: Waiver,
  finding: Pick<Finding, 'id' | 'package'>,
  image: string,
): boolean =>
  vulnerability === finding.id && name === finding.package && (only === undefined || only === image)

/** Does a waiver that is about the finding cover it by this policy and clock, and if not, why? */
export function standingOf(
  { status, expires }: Waiver,
  finding: Pick<Finding, 'fixed'>,
  policy: Policy,
  now: Date,
): Standing {
  if (!dayHolds(expires, now)) return 'expired'
  const accepted = finding.fixed === null ? policy.waiveUnfixed : policy.waiveFixable
  if (!accepted.includes(status)) return 'other-status'
  return daysUntil(expires, now) <= policy.maxWaiverDays ? 'holds' : 'too-long'
}

/** One waiver may be about a vulnerability in a package of an image; two must not contradict each other. */
export const subjectOf = ({ vulnerability, package: name, image }: Waiver): string =>
  `${vulnerability} in ${name}${image === undefined ? '' : ` of ${image}`}`
