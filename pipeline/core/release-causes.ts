import type { Definition } from '../model/definition.ts'
import type { GateDecision, GateReason } from '../model/gate.ts'
import { daysSince } from './days.ts'
import type { PendingUpgrade } from './pending-upgrades.ts'

/** Why an image is built although there is a release of it. */
export interface Cause {
  readonly kind:
    | 'first'
    | 'asked'
    | 'record'
    | 'input'
    | 'artifact'
    | 'channel'
    | 'upgrade'
    | 'policy'
    | 'database'
    | 'unknown'
  /** One line for people. */
  readonly text: string
}

const mostUpgrades = 5

/** One line for each security update and for some of the others. */
export function upgradeCauses(pending: readonly PendingUpgrade[]): readonly Cause[] {
  const shown = pending.filter((item, index) => item.security || index < mostUpgrades)
  const lines = shown.map(
    (item): Cause => ({
      kind: 'upgrade',
      text: `${item.security ? 'a security update' : 'an upgrade'} is pending: ${item.package} ${item.installed} -> ${item.candidate} (${item.from})`,
    }),
  )
  const more = pending.length - shown.length
  return more === 0 ? lines : [...lines, { kind: 'upgrade', text: `${more} more upgrades are pending` }]
}

export interface JudgedAgain {
  readonly definition: Definition
  readonly before: GateDecision
  readonly now: GateDecision
  /** When the base was made, as an instant. */
  readonly baseMade: string
  readonly clock: Date
}

function reasonText(reason: GateReason, input: JudgedAgain): string {
  const { definition, baseMade, clock } = input
  if (reason.kind === 'exception') {
    const days = definition.hardening.exceptions
      .filter((item) => item.control === reason.id)
      .map((item) => item.expires)
    return `the exception for ${reason.id} expired on ${[...new Set(days)].sort().join(', ')}`
  }
  if (reason.kind === 'waiver') return `${reason.id}: ${reason.text}`
  if (reason.kind === 'base-age') {
    const age = daysSince(baseMade, clock)
    if (age >= 0) return `the base is ${age} days old, over maxAge ${definition.base.maxAge}`
  }
  return `policy ${input.now.policy.name} no longer passes it: ${reason.id}  ${reason.text}`
}

/** Why today's judgement of the last release is not what it was; none while it still passes. */
export function policyCauses(input: JudgedAgain): readonly Cause[] {
  const { before, now } = input
  if (now.verdict === 'passed') return []
  const isOther = before.policy.name !== now.policy.name || before.policy.sha256 !== now.policy.sha256
  const changed: readonly Cause[] = isOther
    ? [
        {
          kind: 'policy',
          text: `the policy changed (${before.policy.name} ${before.policy.sha256.slice(0, 8)} -> ${now.policy.name} ${now.policy.sha256.slice(0, 8)})`,
        },
      ]
    : []
  return [
    ...changed,
    ...now.reasons.map((reason): Cause => ({ kind: 'policy', text: reasonText(reason, input) })),
  ]
}
