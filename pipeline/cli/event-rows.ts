import { listed, unique } from '../core/lists.ts'
import { changesInShort } from '../core/render-rescan.ts'
import type { EventOf } from '../model/event.ts'
import type { EventChain } from '../stages/chain.ts'
import { brokenEvents, eventsOf } from '../stages/events.ts'
import { localTime } from './local-time.ts'

type Row = readonly [string, string]

function rescanRows({ at, sequence, data }: EventOf<'rescanned'>): readonly Row[] {
  const { gate, database, findings, changes } = data
  const verdict =
    gate.verdict === 'passed'
      ? `passes policy ${gate.policy.name}`
      : `would be rejected by policy ${gate.policy.name}: ${listed(unique(gate.reasons.map(({ id }) => id)))}`
  return [
    ['re-scanned', `${localTime(at)}, event ${sequence}: ${verdict}`],
    ['', `${findings} findings (${changesInShort(changes) || 'none of them new'})`],
    ['', `database sha256:${database.sha256} of ${localTime(database.updated)}, ${database.source}`],
  ]
}

/** What happened to a release since its record, as rows of `show`: the last re-scan, and whether the chain holds. Approvals and shares have rows of their own. */
export function eventRows(found: EventChain): readonly Row[] {
  const { events } = found
  const broken = brokenEvents(found)
  const last = eventsOf(events, 'rescanned').at(-1)
  const chain =
    broken === null
      ? `✓ record and ${events.length} event${events.length === 1 ? '' : 's'} unchanged`
      : `✗ ${broken}`
  return [
    ...(last !== undefined
      ? rescanRows(last.event)
      : broken === null
        ? [['re-scanned', 'never'] as const]
        : []),
    ...(events.length === 0 && broken === null ? [] : [['events', chain] as const]),
  ]
}
