import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shareCounts, shareLines, shareMarkdown, shareText } from '../../pipeline/core/render-share.ts'
import { isPending, needsConsent, planShare, type ShareAction } from '../../pipeline/core/share-plan.ts'

import {
  carryOut,
  eventId,
  type Model,
  models,
  type Place,
  plan,
  principals,
  sightOf,
  tell,
  variant,
  wantedOf,
} from '../helpers/share-model.ts'

const it = suite('share plan')
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
  const markdown = shareMarkdown('debian-13', made, ['a note | <b> `@x`'])
  assert.match(markdown, /\| `!` \| `oci:registry\.example\/golden` \| stable 1\.1\.0 \| it is down \|/)
  assert.match(markdown, 'a note &#124; &lt;b&gt; &#96;&#64;x&#96;')
  assert.match(markdown, new RegExp(made.digest))
})

it.run()
