import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  type LastShare,
  planShare,
  type ShareAction,
  type SharePlan,
  type Wanted,
} from '../../pipeline/core/share-plan.ts'
import type { PlaceSight } from '../../pipeline/core/share-sight.ts'

export const variant = 'qemu-x86_64'

/** A principal as it is, and what its history says: what a plan is applied to. */
export interface Place {
  readonly reachable: boolean
  /** Versions whose image is there. */
  readonly images: Set<string>
  /** Versions in whose place something else is. */
  readonly strange: Set<string>
  /** Channel -> version. */
  readonly heads: Map<string, string>
}
export interface Model {
  readonly places: Map<string, Place>
  /** Channel -> version that it points to; principals. */
  readonly channels: Map<string, { readonly version: string | null; readonly principals: readonly string[] }>
  readonly events: Map<string, LastShare>
  clock: number
}

export const eventId = (principal: string, channel: string, version: string): string =>
  `${principal} ${channel} ${version}`

export function tell(model: Model, action: ShareAction & { version: string }, granted: boolean): void {
  const { principal, channel, version } = action
  model.clock += 1
  const at = new Date(Date.UTC(2026, 10, 1) + model.clock * 1000).toISOString()
  const event = `event ${model.clock}`
  model.events.set(eventId(principal, channel, version), {
    principal,
    channel,
    variant,
    version,
    granted,
    at,
    event,
  })
}

export const wantedOf = (model: Model): readonly Wanted[] =>
  [...model.channels].flatMap(([channel, { version, principals }]) =>
    principals.map((principal) => ({
      principal,
      channel,
      variant,
      release: version === null ? null : { version, record: `record of ${version}` },
      problem: version === null ? { why: 'it has none', hint: 'promote one' } : null,
    })),
  )

export function sightOf(principal: string, place: Place): PlaceSight {
  if (!place.reachable) return { principal, status: 'unreachable', why: 'it is down', hint: 'wait' }
  return {
    principal,
    status: 'seen',
    releases: [
      ...[...place.images].map((version) => ({ variant, version, status: 'present' as const, why: null })),
      ...[...place.strange].map((version) => ({
        variant,
        version,
        status: 'ambiguous' as const,
        why: 'other bytes',
      })),
    ],
    heads: [...place.heads].map(([channel, version]) => ({ channel, variant, version, why: null })),
  }
}

export const plan = (model: Model, channel: string | null = null): SharePlan =>
  planShare({
    wanted: wantedOf(model),
    history: [...model.events.values()],
    intents: [],
    sights: [...model.places].map(([principal, place]) => sightOf(principal, place)),
    channel,
  })

/** What a target does with an action. @param untold stopped before the event */
export function carryOut(model: Model, action: ShareAction, untold = false): void {
  const place = model.places.get(action.principal)
  if (place === undefined || action.kind === 'same' || action.kind === 'blocked') return
  assert.ok(place.reachable)
  if (action.kind === 'grant') {
    place.images.add(action.version)
    place.heads.set(action.channel, action.version)
    if (!action.known && !untold) tell(model, action, true)
    return
  }
  if (!action.keepsImage) {
    place.images.delete(action.version)
    for (const [channel, version] of place.heads) if (version === action.version) place.heads.delete(channel)
  }
  if (action.dropsHead) place.heads.delete(action.channel)
  if (!untold) tell(model, action, false)
}

const versions = ['1.0.0', '1.0.1', '1.1.0', '2.0.0'] as const
export const principals = ['folder:/srv/a', 'folder:/srv/b', 'oci:registry.example/golden'] as const
const channels = ['nightly', 'stable'] as const

const version = fc.constantFrom(...versions)
export const models: fc.Arbitrary<Model> = fc
  .record({
    places: fc.tuple(
      ...principals.map(() =>
        fc.record({
          reachable: fc.boolean(),
          images: fc.uniqueArray(version),
          strange: fc.uniqueArray(version, { maxLength: 1 }),
          heads: fc.uniqueArray(fc.tuple(fc.constantFrom(...channels), version), {
            selector: ([channel]) => channel,
          }),
        }),
      ),
    ),
    channels: fc.tuple(
      ...channels.map(() =>
        fc.record({
          version: fc.option(version, { freq: 6 }),
          principals: fc.uniqueArray(fc.constantFrom(...principals)),
        }),
      ),
    ),
    events: fc.array(
      fc.tuple(fc.constantFrom(...principals), fc.constantFrom(...channels), version, fc.boolean()),
    ),
  })
  .map((made) => {
    const model: Model = {
      places: new Map(
        principals.map((principal, index) => {
          const place = made.places[index]
          const images = new Set<string>(place?.images)
          return [
            principal,
            {
              reachable: place?.reachable ?? true,
              images,
              strange: new Set(place?.strange.filter((item) => !images.has(item))),
              // A principal's channel names what is there.
              heads: new Map(place?.heads.filter(([, item]) => images.has(item))),
            },
          ]
        }),
      ),
      channels: new Map(
        channels.map((channel, index) => [
          channel,
          {
            version: made.channels[index]?.version ?? null,
            principals: made.channels[index]?.principals ?? [],
          },
        ]),
      ),
      events: new Map(),
      clock: 0,
    }
    for (const [principal, channel, item, granted] of made.events)
      tell(model, { kind: 'same', role: 'current', principal, channel, variant, version: item }, granted)
    return model
  })
