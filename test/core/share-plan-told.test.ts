import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { everybody } from '../../pipeline/core/aws-principals.ts'
import {
  isPending,
  type LastShare,
  needsConsent,
  planShare,
  type ShareAction,
  type SharePlan,
} from '../../pipeline/core/share-plan.ts'
import type { PlaceSight } from '../../pipeline/core/share-sight.ts'

// Places without names for channels, where people can give by themselves: what a channel named there is what events say.
const it = suite('share plan: by events')

const variant = 'aws-x86_64'
const versions = ['1.0.0', '1.0.1', '1.1.0'] as const
const who = ['account:222222222222', 'org:999999999999/o-abcdefghij', everybody] as const
type State = 'none' | 'part' | 'whole'

interface Cloud {
  /** `principal version`. */
  readonly has: Map<string, State>
  readonly named: readonly string[]
  readonly version: string
  readonly events: LastShare[]
  readonly unseen: boolean
}

function sightsOf({ has, unseen }: Cloud): readonly PlaceSight[] {
  return who.map((principal) => ({
    principal,
    status: 'seen',
    heads: null,
    releases: versions.map((version) => {
      const state = has.get(`${principal} ${version}`) ?? 'none'
      const status = state === 'none' ? ('absent' as const) : ('present' as const)
      return { variant, version, status, why: null, ...(state === 'part' ? { mends: true as const } : {}) }
    }),
    ...(unseen ? { unseen: true as const } : {}),
  }))
}

const plan = (cloud: Cloud): SharePlan =>
  planShare({
    wanted: cloud.named.map((principal) => ({
      principal,
      channel: 'stable',
      variant,
      release: { version: cloud.version, record: `record of ${cloud.version}` },
      problem: null,
    })),
    history: cloud.events,
    intents: [],
    sights: sightsOf(cloud),
    channel: null,
  })

let clock = 0
function carryOut(cloud: Cloud, action: ShareAction, told: boolean): void {
  if (action.kind === 'same' || action.kind === 'blocked') return
  const { principal, version, channel } = action
  const gives = action.kind === 'grant'
  if (gives) cloud.has.set(`${principal} ${version}`, 'whole')
  else if (!action.keepsImage) cloud.has.delete(`${principal} ${version}`)
  if (!told || (gives && action.known)) return
  clock += 1
  const at = new Date(Date.UTC(2026, 10, 1) + clock * 1000).toISOString()
  const old = cloud.events.findIndex(
    (item) => item.principal === principal && item.version === version && item.channel === channel,
  )
  if (old >= 0) cloud.events.splice(old, 1)
  cloud.events.push({ principal, channel, variant, version, granted: gives, at, event: `event ${clock}` })
}

const clouds = fc
  .record({
    has: fc.array(
      fc.tuple(
        fc.constantFrom(...who),
        fc.constantFrom(...versions),
        fc.constantFrom<State>('part', 'whole'),
      ),
    ),
    named: fc.uniqueArray(fc.constantFrom(...who.filter((one) => one !== everybody))),
    version: fc.constantFrom(...versions),
    stops: fc.nat({ max: 6 }),
  })
  .map(({ has, named, version, stops }) => {
    const cloud: Cloud = {
      has: new Map(has.map(([principal, item, state]) => [`${principal} ${item}`, state])),
      named,
      version,
      events: [],
      unseen: false,
    }
    return { cloud, stops }
  })

it('it comes to an end from every state, also when it is stopped: who is named has it, and nobody else anything', () => {
  fc.assert(
    fc.property(clouds, ({ cloud, stops }) => {
      for (const [index, action] of plan(cloud).actions.filter(isPending).slice(0, stops).entries())
        carryOut(cloud, action, index < stops - 1)
      for (let turn = 0; turn < 3; turn += 1)
        for (const action of plan(cloud).actions.filter(isPending)) carryOut(cloud, action, true)
      assert.equal(plan(cloud).actions.filter(isPending), [])
      for (const principal of who) {
        const held: readonly string[] = versions.filter((version) => cloud.has.has(`${principal} ${version}`))
        assert.ok(cloud.named.includes(principal) ? held.includes(cloud.version) : held.length === 0)
        if (cloud.named.includes(principal))
          assert.is(cloud.has.get(`${principal} ${cloud.version}`), 'whole')
      }
    }),
  )
})

const empty = (more: Partial<Cloud>): Cloud => ({
  has: new Map(),
  named: [],
  version: '1.1.0',
  events: [],
  unseen: false,
  ...more,
})

it('what is public goes without asking, what somebody has goes by a plan', () => {
  const cloud = empty({ has: new Map(who.map((one) => [`${one} 1.0.0`, 'whole'])) })
  const { actions } = plan(cloud)
  assert.equal(
    actions.map((action) => [action.principal, action.kind, needsConsent(action)]),
    [
      [who[0], 'revoke', true],
      [everybody, 'revoke', false],
      [who[1], 'revoke', true],
    ],
  )
})

it('where a part could not be looked at, nobody is told to have lost it already', () => {
  const [principal] = who
  const events: LastShare[] = [
    {
      principal,
      channel: 'stable',
      variant,
      version: '1.0.0',
      granted: true,
      at: '2026-11-01T00:00:00.000Z',
      event: 'event 0',
    },
  ]
  for (const unseen of [true, false]) {
    const [action] = plan(empty({ events, unseen })).actions
    assert.ok(action?.kind === 'revoke')
    assert.is(action?.kind === 'revoke' ? action.present : null, unseen)
  }
})

it.run()
