import { listed, unique } from '../core/lists.ts'
import { changesInShort } from '../core/render-rescan.ts'
import { visible } from '../core/show-value.ts'
import type { EventOf, ReleaseEvent } from '../model/event.ts'
import type { EventChain } from '../stages/chain.ts'
import { eventsOf } from '../stages/events.ts'
import { localTime } from './local-time.ts'

type Row = readonly [string, string]

function rescanRows({ at, sequence, data }: EventOf<'rescanned'>): readonly Row[] {
  const { gate, database, findings, changes } = data
  const verdict =
    gate.verdict === 'passed'
      ? `passes policy ${gate.policy.name}`
      : `would be rejected by policy ${gate.policy.name}: ${listed(unique(gate.reasons.map(({ id }) => visible(id))))}`
  return [
    ['re-scanned', `${localTime(at)}, event ${sequence}: ${verdict}`],
    ['', `${findings} findings (${changesInShort(changes) || 'none of them new'})`],
    ['', `database sha256:${database.sha256} of ${localTime(database.updated)}, ${visible(database.source)}`],
  ]
}

/** What happened, on one line. */
export function eventText(event: ReleaseEvent): string {
  switch (event.kind) {
    case 'rescanned':
      return `re-scanned: ${event.data.gate.verdict === 'passed' ? 'passes' : 'would be rejected'}`
    case 'approved':
      return `approved for ${event.data.channel} by ${visible(event.data.by)}, diff sha256:${event.data.diff.slice(0, 12)}…`
    case 'pointed':
      return `${event.data.channel} → ${event.version} (${event.data.why} by ${visible(event.data.by)})`
    case 'granted':
      return `shared with ${visible(event.data.principal)} by ${visible(event.data.by)}`
    case 'revoked':
      return `no longer shared with ${visible(event.data.principal)}, by ${visible(event.data.by)}`
  }
}

/** What happened to a release since its record, as rows of `show`: the last re-scan, all else, and whether the chain holds. */
export function eventRows({ events, broken }: EventChain): readonly Row[] {
  const last = eventsOf(events, 'rescanned').at(-1)
  const others = events.filter(({ event }) => event.kind !== 'rescanned')
  const chain =
    broken === null
      ? `✓ record and ${events.length} event${events.length === 1 ? '' : 's'} unchanged`
      : `✗ ${broken.text}`
  return [
    ...(last !== undefined
      ? rescanRows(last.event)
      : broken === null
        ? [['re-scanned', 'never'] as const]
        : []),
    ...others.map(
      ({ event }, at): Row => [at === 0 ? 'since' : '', `${localTime(event.at)}  ${eventText(event)}`],
    ),
    ...(events.length === 0 && broken === null ? [] : [['events', chain] as const]),
  ]
}
