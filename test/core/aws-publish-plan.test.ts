import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  amiName,
  ownImage,
  type PublishAction,
  parameterName,
  planRegion,
  problemOf,
  publishText,
  type RegionSight,
  regionNotes,
  type SeenImage,
  sourceTag,
  type WantedImage,
} from '../../pipeline/core/aws-publish-plan.ts'

const plan = suite('plan of a release in all regions')

const now = '2026-11-22T03:00:00.000Z'
const source = 'ab'.repeat(32)
const tags = { 'mintmark:image': 'web', [sourceTag]: source }

const artifact = { imageId: 'ami-0', region: 'ap-south-1' }

const wantedIn = (region: string, more: Partial<WantedImage> = {}): WantedImage => ({
  region,
  name: amiName('web', '1.8.2', 'x86_64'),
  source,
  artifact,
  told: null,
  tags,
  deprecation: '2027-11-22T03:00:00.000Z',
  watermark: '111111111111:mintmark/web',
  parameters: [
    { name: parameterName('web', 'x86_64', 'stable'), moves: true },
    { name: parameterName('web', 'x86_64', '1.8.2'), moves: false },
  ],
  ...more,
})

type Seen = Extract<RegionSight, { readonly status: 'seen' }>

const key = { name: 'alias/golden', arn: 'arn:key', problem: null, deletion: null }
const empty = (region: string): Seen => ({
  region,
  status: 'seen',
  images: [],
  key,
  otherKeys: [],
  parameters: {},
})

const bare: SeenImage = {
  imageId: 'ami-1',
  from: artifact,
  state: 'available',
  reason: null,
  created: now,
  isPublic: false,
  imdsV2: false,
  isProtected: false,
  deprecation: null,
  watermarks: [],
  tags,
  snapshots: [{ id: 'snap-1', key: 'arn:key', tags: {} }],
  lost: [],
}

/** What a region is after an action, as EC2 would have it. */
function after(sight: Seen, action: PublishAction): Seen {
  const edit = (imageId: string, to: (image: SeenImage) => Partial<SeenImage>): Seen => ({
    ...sight,
    images: sight.images.map((image) => (image.imageId === imageId ? { ...image, ...to(image) } : image)),
  })
  switch (action.kind) {
    case 'copy':
      return action.imageId === null
        ? { ...sight, images: [...sight.images, { ...bare, imageId: 'ami-new', state: 'pending' }] }
        : edit(action.imageId, () => ({ state: 'available' }))
    case 'discard':
      return { ...sight, images: sight.images.filter(({ imageId }) => imageId !== action.imageId) }
    case 'tag':
      return edit(action.imageId, (image) => ({
        tags: { ...image.tags, ...action.tags },
        snapshots: image.snapshots.map((item) => ({ ...item, tags: { ...item.tags, ...action.tags } })),
      }))
    case 'set-attribute':
      return edit(action.imageId, () => ({ imdsV2: true }))
    case 'protect':
      return edit(action.imageId, () => ({ isProtected: true }))
    case 'deprecate':
      return edit(action.imageId, () => ({ deprecation: action.at }))
    case 'watermark':
      return edit(action.imageId, ({ watermarks }) => ({ watermarks: [...watermarks, action.watermark] }))
    case 'point':
      return { ...sight, parameters: { ...sight.parameters, [action.parameter]: action.imageId } }
    case 'blocked':
      return sight
  }
}

const image = fc
  .record({
    state: fc.constantFrom('available', 'pending', 'failed', 'disabled'),
    created: fc.constantFrom(now, '2026-11-21T03:00:00.000Z'),
    isPublic: fc.boolean(),
    imdsV2: fc.boolean(),
    isProtected: fc.boolean(),
    deprecation: fc.constantFrom(null, '2027-11-22T03:00:20.000Z', '2028-01-01T00:00:00.000Z'),
    watermarks: fc.subarray(['111111111111:mintmark/web', '1:other']),
    tags: fc.constantFrom(tags, {}, { [sourceTag]: source }),
    from: fc.constantFrom(artifact, artifact, null, { ...artifact, imageId: 'ami-other' }),
    snapshots: fc.constantFrom(
      [{ id: 'snap-1', key: 'arn:key', tags: {} }],
      [{ id: 'snap-1', key: null, tags }],
      [{ id: 'snap-1', key: 'arn:other', tags }],
      [{ id: 'snap-1', key: '', tags }],
    ),
  })
  .map((one) => ({ ...bare, ...one }))

const sight = (region: string): fc.Arbitrary<RegionSight> =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        region: fc.constant(region),
        status: fc.constant('seen' as const),
        images: fc
          .array(image, { maxLength: 3 })
          .map((images) => images.map((one, at) => ({ ...one, imageId: `ami-${at}` }))),
        key: fc.constantFrom(key, { ...key, problem: 'it is Disabled' }),
        otherKeys: fc.constant([]),
        parameters: fc.constantFrom<Seen['parameters']>(
          {},
          { '/mintmark/web/x86_64/stable': 'ami-old', '/mintmark/web/x86_64/1.8.2': null },
          { '/mintmark/web/x86_64/1.8.2': 'ami-old' },
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.constant({ region, status: 'unreachable', why: 'down', hint: 'wait' } as const),
    },
  )

const doing = (actions: readonly PublishAction[]): readonly PublishAction[] =>
  actions.filter(({ kind }) => kind !== 'blocked')

plan('whatever there is, doing what is planned comes to an end, and then nothing is planned', () => {
  fc.assert(
    fc.property(sight('eu-west-1'), fc.boolean(), (seen, isOriginal) => {
      const wanted = wantedIn('eu-west-1', {
        artifact: { ...artifact, ...(isOriginal ? { region: 'eu-west-1' } : {}) },
      })
      let state = seen
      for (let round = 0; round < 8; round += 1) {
        const actions = doing(planRegion(wanted, state, now))
        if (actions.length === 0) {
          const rest = planRegion(wanted, state, now)
          const whole = state.status === 'seen' ? ownImage(wanted, state.images) : null
          // Either something hinders it and is told, or all is as it should be.
          assert.ok(rest.length > 0 || whole?.state === 'available')
          return
        }
        for (const action of actions) if (state.status === 'seen') state = after(state, action)
      }
      assert.unreachable('it never ends')
    }),
    { numRuns: 500 },
  )
})

plan('what is so is not done again: each action is planned once', () => {
  fc.assert(
    fc.property(sight('eu-west-1'), (seen) => {
      const wanted = wantedIn('eu-west-1')
      for (const action of doing(planRegion(wanted, seen, now))) {
        if (seen.status !== 'seen') continue
        const next = planRegion(wanted, after(seen, action), now)
        assert.not.ok(
          next.some((item) => JSON.stringify(item) === JSON.stringify(action)),
          action.kind,
        )
      }
    }),
    { numRuns: 300 },
  )
})

plan(
  'nothing but a copy is planned before there is an image; nothing is pointed to that is not available',
  () => {
    const wanted = wantedIn('eu-west-1')
    assert.equal(planRegion(wanted, empty('eu-west-1'), now), [
      { kind: 'copy', region: 'eu-west-1', imageId: null },
    ])
    const pending = { ...empty('eu-west-1'), images: [{ ...bare, state: 'pending' }] }
    assert.equal(planRegion(wanted, pending, now), [{ kind: 'copy', region: 'eu-west-1', imageId: 'ami-1' }])
  },
)

plan('the version comes before the channel, protection before both, each with what it was', () => {
  const seen = {
    ...empty('eu-west-1'),
    images: [bare],
    parameters: { '/mintmark/web/x86_64/stable': 'ami-old' },
  }
  const actions = planRegion(wantedIn('eu-west-1'), seen, now)
  assert.equal(actions.map(publishText), [
    'tagging ami-1 in eu-west-1',
    'ami-1 in eu-west-1: imds-support v2.0',
    'marking ami-1 in eu-west-1 with 111111111111:mintmark/web',
    'ami-1 in eu-west-1: deprecated from 2027-11-22 on',
    'protecting ami-1 in eu-west-1',
    '/mintmark/web/x86_64/1.8.2 in eu-west-1: nothing → ami-1',
    '/mintmark/web/x86_64/stable in eu-west-1: ami-old → ami-1',
  ])
  assert.equal(
    actions.flatMap((action) => (action.kind === 'tag' ? action.resources : [])),
    ['snap-1'],
  )
})

plan('an image whose disk is gone is no image', () => {
  const seen = { ...empty('eu-west-1'), images: [{ ...bare, snapshots: [], lost: ['snap-1'] }] }
  assert.equal(planRegion(wantedIn('eu-west-1'), seen, now).map(publishText), [
    'snap-1, of which ami-1 in eu-west-1 is made, is gone',
  ])
})

plan('a day that is over deprecates nothing: EC2 would refuse it', () => {
  const seen = { ...empty('eu-west-1'), images: [bare] }
  const late = planRegion(wantedIn('eu-west-1', { deprecation: '2026-11-01T00:00:00.000Z' }), seen, now)
  assert.not.ok(late.some(({ kind }) => kind === 'deprecate'))
})

plan('of two copies everybody takes the older; of a key people are told what nothing is done about', () => {
  const old = { ...bare, imageId: 'ami-9', created: '2026-11-20T00:00:00.000Z' }
  const wanted = wantedIn('eu-west-1')
  assert.is(ownImage(wanted, [bare, old])?.imageId, 'ami-9')
  assert.is(ownImage(wanted, [{ ...old, state: 'pending' }, bare])?.imageId, 'ami-1')
  const other = { ...key, name: 'arn:key', problem: 'the key arn:key is deleted on 2026-12-01' }
  const seen = {
    ...empty('eu-west-1'),
    images: [bare],
    key: { ...key, arn: 'arn:new' },
    otherKeys: [{ ...other, deletion: '2026-12-01T00:00:00.000Z' }],
  }
  const [deleted = '', changed = '', ...more] = regionNotes(wanted, seen)
  assert.match(deleted, 'the key arn:key is deleted on 2026-12-01; nobody can launch')
  assert.match(changed, 'ami-1 in eu-west-1 is encrypted with arn:key, and alias/golden is arn:new by now')
  assert.equal(more, [])
  const off = { ...key, problem: 'the key alias/golden in eu-west-1 is Disabled' }
  const [disabled = ''] = regionNotes(wanted, { ...empty('eu-west-1'), images: [bare], key: off })
  assert.match(disabled, 'is Disabled; nobody can launch what a key encrypts')
  assert.equal(regionNotes(wanted, { ...empty('eu-west-1'), key: off }), [])
})

plan(
  'name and tag can be planted, where a copy comes from can not: an older one that is none is not taken',
  () => {
    const old = { ...bare, imageId: 'ami-planted', created: '2026-11-20T00:00:00.000Z' }
    const wanted = wantedIn('eu-west-1')
    for (const from of [null, { ...artifact, imageId: 'ami-2' }, { ...artifact, region: 'eu-west-1' }]) {
      const planted = { ...old, from }
      const seen = {
        ...empty('eu-west-1'),
        images: [planted, bare],
        parameters: { '/mintmark/web/x86_64/1.8.2': 'ami-1', '/mintmark/web/x86_64/stable': 'ami-1' },
      }
      assert.not.ok(planRegion(wanted, seen, now).some(({ kind }) => kind === 'point' || kind === 'blocked'))
      assert.match(
        regionNotes(wanted, seen).join(),
        'ami-planted in eu-west-1 has the name mintmark/web/1.8.2',
      )
      const alone = planRegion(wanted, { ...seen, images: [planted] }, now)
      assert.match(alone.map(publishText).join(), /ami-planted in eu-west-1 has the name .* and is no copy/)
      // What failed under our name hinders nobody, and is not ours to take away.
      const failed = planRegion(wanted, { ...seen, images: [{ ...planted, state: 'failed' }] }, now)
      assert.equal(failed, [{ kind: 'copy', region: 'eu-west-1', imageId: null }])
    }
  },
)

plan('the copy that signed events tell of goes before an older one, and a second one is told', () => {
  const old = { ...bare, imageId: 'ami-9', created: '2026-11-20T00:00:00.000Z' }
  const seen = { ...empty('eu-west-1'), images: [old, bare] }
  assert.is(ownImage(wantedIn('eu-west-1'), seen.images)?.imageId, 'ami-9')
  const wanted = wantedIn('eu-west-1', { told: 'ami-1' })
  assert.is(ownImage(wanted, seen.images)?.imageId, 'ami-1')
  assert.match(regionNotes(wanted, seen).join(), /ami-9 in eu-west-1 has the name .* is a second copy/)
  // Switched off by somebody: another one in its place would be none that was told.
  const off = [old, { ...bare, state: 'disabled' }]
  assert.is(ownImage(wanted, off)?.imageId, 'ami-1')
  assert.is(ownImage(wanted, [old])?.imageId, 'ami-9')
  const original = wantedIn(artifact.region)
  const home = [{ ...bare, imageId: 'ami-0' }, old]
  assert.is(ownImage(original, home)?.imageId, 'ami-0')
  assert.match(regionNotes(original, { ...empty(artifact.region), images: home }).join(), /ami-9 .* no copy/)
})

plan(
  'an image is whole when it is there, private, with all its disks, encrypted by a key that is known',
  () => {
    const [snapshot] = bare.snapshots
    assert.is(problemOf('eu-west-1', bare), null)
    const broken: readonly Partial<SeenImage>[] = [
      { state: 'disabled' },
      { isPublic: true },
      { lost: ['snap-2'] },
      { snapshots: [...bare.snapshots, { id: 'snap-2', key: null, tags }] },
      { snapshots: [{ id: snapshot?.id ?? '', key: '', tags }] },
    ]
    for (const one of broken) assert.ok(problemOf('eu-west-1', { ...bare, ...one }), JSON.stringify(one))
  },
)

plan.run()
