import { listed, unique } from '../core/lists.ts'
import { changesInShort } from '../core/render-rescan.ts'
import { visible } from '../core/show-value.ts'
import type { EventChain } from '../stages/events.ts'
import { localTime } from './local-time.ts'

/** What happened to a release since its record, as rows of `show`: the last re-scan, and whether the chain holds. */
export function eventRows({ events, broken }: EventChain): readonly (readonly [string, string])[] {
  const last = events.at(-1)
  const chain =
    broken === null
      ? `✓ record and ${events.length} event${events.length === 1 ? '' : 's'} unchanged`
      : `✗ ${broken.text}`
  if (last === undefined) return broken === null ? [['re-scanned', 'never']] : [['events', chain]]
  const { at, data } = last.event
  const { gate, database, findings, changes } = data
  const verdict =
    gate.verdict === 'passed'
      ? `passes policy ${gate.policy.name}`
      : `would be rejected by policy ${gate.policy.name}: ${listed(unique(gate.reasons.map(({ id }) => visible(id))))}`
  return [
    ['re-scanned', `${localTime(at)}, event ${last.event.sequence}: ${verdict}`],
    ['', `${findings} findings (${changesInShort(changes) || 'none of them new'})`],
    ['', `database sha256:${database.sha256} of ${localTime(database.updated)}, ${visible(database.source)}`],
    ['events', chain],
  ]
}
