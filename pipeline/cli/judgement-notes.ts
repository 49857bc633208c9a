import { visible } from '../core/show-value.ts'
import type { GateDecision } from '../model/gate.ts'

/** What nobody may overlook in a decision that let an image pass: an emergency and waivers, one line each. */
export function judgementNotes({ emergency, waived, policy }: GateDecision): readonly string[] {
  const names = [...new Set(waived.map(({ vulnerability }) => vulnerability))]
  return [
    ...(emergency === null
      ? []
      : [
          `EMERGENCY: it has what policy ${policy.name} rejects (${emergency.shipped.map(visible).join(', ')}), no worse than ${emergency.comparedWith}; recorded with the reason: ${visible(emergency.reason)}`,
        ]),
    ...(names.length === 0 ? [] : [`waived: ${names.map(visible).join(', ')}`]),
  ]
}
