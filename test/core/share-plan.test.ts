import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shareCounts, shareLines, shareMarkdown, shareText } from '../../pipeline/core/render-share.ts'
import {
  isPending,
  type LastShare,
  needsConsent,
  type PlaceSight,
  planShare,
  type ShareAction,
  type SharePlan,
  type Wanted,
} from '../../pipeline/core/share-plan.ts'

const it = suite('share plan')
const variant = 'qemu-x86_64'

/** A principal as it is, and what its history says: what a plan is applied to. */
interface Place {
  readonly reachable: boolean
  /** Versions whose image is there. */
  readonly images: Set<string>
  /** Versions in whose place something else is. */
  readonly strange: Set<string>
  /** Channel -> version. */
  readonly heads: Map<string, string>
}
interface Model {
  readonly places: Map<string, Place>
  /** Channel -> version that it points to; principals. */
  readonly channels: Map<string, { readonly version: string | null; readonly principals: readonly string[] }>
  readonly events: Map<string, LastShare>
  clock: number
}

const eventId = (principal: string, channel: string, version: string): string =>
  `${principal} ${channel} ${version}`

function tell(model: Model, action: ShareAction & { version: string }, granted: boolean): void {
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

const wantedOf = (model: Model): readonly Wanted[] =>
  [...model.channels].flatMap(([channel, { version, principals }]) =>
    principals.map((principal) => ({
      principal,
      channel,
      variant,
      release: version === null ? null : { version, record: `record of ${version}` },
      problem: version === null ? { why: 'it has none', hint: 'promote one' } : null,
    })),
  )

function sightOf(principal: string, place: Place): PlaceSight {
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

const plan = (model: Model, channel: string | null = null): SharePlan =>
  planShare({
    wanted: wantedOf(model),
    history: [...model.events.values()],
    intents: [],
    sights: [...model.places].map(([principal, place]) => sightOf(principal, place)),
    channel,
  })

/** What a target does with an action. @param untold stopped before the event */
function carryOut(model: Model, action: ShareAction, untold = false): void {
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
const principals = ['folder:/srv/a', 'folder:/srv/b', 'oci:registry.example/golden'] as const
const channels = ['nightly', 'stable'] as const

const version = fc.constantFrom(...versions)
const models: fc.Arbitrary<Model> = fc
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

const bare = (actions: readonly ShareAction[]): readonly string[] =>
  actions
    .filter(isPending)
    .map((action) => `${action.kind} ${eventId(action.principal, action.channel, action.version ?? '')}`)

it('a plan that is applied leaves nothing to do, and everybody has what they should', () => {
  fc.assert(
    fc.property(models, (model) => {
      const first = plan(model)
      for (const action of first.actions) carryOut(model, action)
      const second = plan(model)
      assert.equal(bare(second.actions), [], JSON.stringify(bare(first.actions)))
      for (const { principal, channel, release } of wantedOf(model)) {
        const place = model.places.get(principal)
        if (release === null || place?.reachable !== true || place.strange.has(release.version)) continue
        assert.ok(place.images.has(release.version))
        assert.is(place.heads.get(channel), release.version)
        assert.ok(model.events.get(eventId(principal, channel, release.version))?.granted)
      }
      for (const { principal, channel, granted, version: item } of model.events.values()) {
        const named = model.channels.get(channel)?.principals.includes(principal)
        const place = model.places.get(principal)
        if (place?.reachable === true && !place.strange.has(item) && named === false) assert.not.ok(granted)
      }
    }),
    { numRuns: 400 },
  )
})

it('what has other bytes is not the version that is kept besides the new one', () => {
  const place: Place = {
    reachable: true,
    images: new Set(['1.0.0']),
    strange: new Set(['2.0.0']),
    heads: new Map([['nightly', '1.0.0']]),
  }
  const model: Model = {
    places: new Map([['folder:/srv/b', place]]),
    channels: new Map([['nightly', { version: '1.0.1', principals: ['folder:/srv/b'] }]]),
    events: new Map(),
    clock: 0,
  }
  const line = {
    kind: 'same',
    role: 'current',
    principal: 'folder:/srv/b',
    channel: 'nightly',
    variant,
  } as const
  for (const item of ['1.0.0', '2.0.0']) tell(model, { ...line, version: item }, true)
  for (const action of plan(model).actions) carryOut(model, action)
  const { actions } = plan(model)
  assert.equal(bare(actions), [])
  assert.equal(
    actions.map(({ kind, version: item }) => `${kind} ${item}`),
    ['blocked 2.0.0', 'same 1.0.0', 'same 1.0.1'],
  )
})

it('stopped before its events, the next plan tells them, once', () => {
  fc.assert(
    fc.property(models, (model) => {
      for (const action of plan(model).actions) carryOut(model, action, true)
      const second = plan(model)
      for (const action of second.actions) carryOut(model, action)
      const third = plan(model)
      assert.equal(bare(third.actions), [], JSON.stringify(bare(second.actions)))
    }),
    { numRuns: 400 },
  )
})

it('a principal that could not be looked at is only ever blocked, and one with other bytes loses none', () => {
  fc.assert(
    fc.property(models, (model) => {
      for (const action of plan(model).actions) {
        const place = model.places.get(action.principal)
        if (place?.reachable === false) assert.is(action.kind, 'blocked')
        if (isPending(action)) assert.not.ok(place?.strange.has(action.version ?? ''))
      }
    }),
  )
})

it('the order of what is looked at, wanted and told does not matter', () => {
  fc.assert(
    fc.property(models, fc.boolean(), (model, backwards) => {
      const turned = <T>(items: readonly T[]): readonly T[] => (backwards ? [...items].reverse() : items)
      const again = planShare({
        wanted: turned(wantedOf(model)),
        history: turned([...model.events.values()]),
        intents: [],
        sights: turned([...model.places].map(([principal, place]) => sightOf(principal, place))),
        channel: null,
      })
      assert.is(again.digest, plan(model).digest)
    }),
  )
})

it('one channel alone: the same actions as in the whole plan, and no others', () => {
  fc.assert(
    fc.property(models, (model) => {
      const whole = plan(model).actions.filter((action) => action.channel === 'stable')
      assert.equal(plan(model, 'stable').actions, whole)
    }),
  )
})

/** A principal of stable that has what is given, each granted by an event in this order. */
function granted(given: readonly string[], head: string, points: string | null): Model {
  const [principal] = principals
  const model: Model = {
    places: new Map([
      [
        principal,
        { reachable: true, images: new Set(given), strange: new Set(), heads: new Map([['stable', head]]) },
      ],
    ]),
    channels: new Map([['stable', { version: points, principals: [principal] }]]),
    events: new Map(),
    clock: 0,
  }
  for (const item of given)
    tell(model, { kind: 'same', role: 'current', principal, channel: 'stable', variant, version: item }, true)
  return model
}

it('the version before stays, the one before that goes, without asking anybody', () => {
  const { actions } = plan(granted(['1.0.0', '1.0.1'], '1.0.1', '1.1.0'))
  assert.equal(
    actions.map((action) => `${action.kind} ${action.version}`),
    ['same 1.0.1', 'grant 1.1.0', 'retire 1.0.0'],
  )
  assert.not.ok(actions.some(needsConsent))
})

it('a channel that was rolled back keeps the version that it left', () => {
  const model = granted(['1.0.0', '1.0.1'], '1.0.1', '1.0.0')
  const first = plan(model)
  assert.equal(bare(first.actions), ['grant folder:/srv/a stable 1.0.0'])
  for (const action of first.actions) carryOut(model, action)
  assert.equal(
    plan(model).actions.map((action) => `${action.kind} ${action.version}`),
    ['same 1.0.0', 'same 1.0.1'],
  )
  // The next release: the bad one, 1.0.1, is what goes, for it is not what the channel named last.
  model.channels.set('stable', { version: '1.1.0', principals: [principals[0]] })
  assert.equal(bare(plan(model).actions), [
    'grant folder:/srv/a stable 1.1.0',
    'retire folder:/srv/a stable 1.0.1',
  ])
})

it('a channel without a release takes nothing away', () => {
  const { actions } = plan(granted(['1.0.0'], '1.0.0', null))
  assert.equal(
    actions.map(({ kind }) => kind),
    ['blocked'],
  )
})

it('who is no longer named loses every version, and only a person who saw it may do so', () => {
  const model = granted(['1.0.0', '1.0.1'], '1.0.1', '1.0.1')
  model.channels.set('stable', { version: '1.0.1', principals: [] })
  const { actions } = plan(model)
  assert.equal(bare(actions), ['revoke folder:/srv/a stable 1.0.0', 'revoke folder:/srv/a stable 1.0.1'])
  assert.ok(actions.every(needsConsent))
  assert.match(shareText(actions[0] as ShareAction), /no longer named: loses the image.*can't be taken back/)
})

it('what another channel gives to the same principal stays', () => {
  const model = granted(['1.0.0'], '1.0.0', '1.0.0')
  const [principal] = principals
  model.places.get(principal)?.heads.set('nightly', '1.0.0')
  model.channels.set('nightly', { version: '1.0.0', principals: [principal] })
  model.channels.set('stable', { version: '1.0.0', principals: [] })
  tell(
    model,
    { kind: 'same', role: 'current', principal, channel: 'nightly', variant, version: '1.0.0' },
    true,
  )
  const [gone] = plan(model).actions.filter(isPending)
  assert.ok(gone?.kind === 'revoke' && gone.keepsImage && gone.dropsHead)
  assert.match(shareText(gone as ShareAction), /loses the channel/)
})

it("what is gone already needs nobody's word: only its history is told", () => {
  const model = granted(['1.0.0'], '1.0.0', '1.0.0')
  model.places.get(principals[0])?.images.clear()
  model.places.get(principals[0])?.heads.clear()
  model.channels.set('stable', { version: '1.0.0', principals: [] })
  const { actions } = plan(model)
  assert.equal(bare(actions), ['revoke folder:/srv/a stable 1.0.0'])
  assert.not.ok(actions.some(needsConsent))
})

it('text and Markdown: a sign for each, what helps below what is blocked, nothing breaks out of a cell', () => {
  const model = granted(['1.0.0'], '1.0.0', '1.1.0')
  model.places.set('oci:registry.example/golden', {
    reachable: false,
    images: new Set(),
    strange: new Set(),
    heads: new Map(),
  })
  model.channels.set('stable', { version: '1.1.0', principals: [principals[0], principals[2]] })
  const made = plan(model)
  const lines = shareLines(made)
  assert.match(lines[0] ?? '', /^= {2}folder:\/srv\/a +stable 1\.0\.0 +the version before/)
  assert.match(
    lines[1] ?? '',
    /^\+ {2}folder:\/srv\/a +stable 1\.1\.0 +gets the image; stable moves from 1\.0\.0/,
  )
  assert.match(lines[2] ?? '', /^! {2}oci:registry\.example\/golden +stable 1\.1\.0 +it is down/)
  assert.is(lines[3], '    → wait')
  assert.is(shareCounts(made), "1 to give, 1 can't be done")
  const markdown = shareMarkdown('debian-13', made, ['a note | <b>'])
  assert.match(markdown, /\| `!` \| `oci:registry\.example\/golden` \| stable 1\.1\.0 \| it is down \|/)
  assert.match(markdown, /a note \\\| &lt;b>/)
  assert.match(markdown, new RegExp(made.digest))
})

it.run()
