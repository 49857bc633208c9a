import { columns } from '../core/columns.ts'
import { listed, unique } from '../core/lists.ts'
import { regionalImages } from '../core/regional-copies.ts'
import { changesInShort } from '../core/render-rescan.ts'
import type { RecordedArtifact } from '../model/artifact.ts'
import type { EventOf } from '../model/event.ts'
import type { EventChain, StoredEvent } from '../stages/chain.ts'
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

/** Every region that has the image, with its ids; nothing for a file. */
export function regionRows(artifact: RecordedArtifact, events: readonly StoredEvent[]): readonly Row[] {
  const images = regionalImages(
    artifact,
    events.map(({ event }) => event),
  )
  const lines = images.map(({ region, imageId, snapshotIds, keyArn }) => [
    region,
    imageId,
    snapshotIds.join(', '),
    keyArn ?? 'as it was built',
  ])
  return lines.length === 0
    ? []
    : columns(lines)
        .split('\n')
        .map((line, at): Row => [at === 0 ? 'regions' : '', line])
}
