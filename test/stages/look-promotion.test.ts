import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as approveVerb } from '../../pipeline/cli/verbs/approve.ts'
import { run as shareVerb } from '../../pipeline/cli/verbs/share.ts'
import type { CiJob } from '../../pipeline/ports/ci-job.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { eventsOf, readEvents } from '../../pipeline/stages/events.ts'
import { approveAsReviewed, type PromotionLook } from '../../pipeline/stages/look-promotion.ts'
import { promote } from '../../pipeline/stages/promote.ts'
import { type GitHubServer, startGithub } from '../helpers/github-server.ts'
import { addRun } from '../helpers/github-state.ts'
import { refusal } from '../helpers/refusal.ts'
import { look, place, trustOf, worldOfJob } from '../helpers/reviewed-job.ts'
import {
  type FolderBox,
  folderBox,
  nameThem,
  pointTo,
  recordOf,
  released,
  share,
} from '../helpers/share-fixture.ts'

interface Context {
  at: FolderBox
  server: GitHubServer
  world: World
}

const it = suite<Context>('what a reviewer sees and accepts')

it.before.each(async (context) => {
  context.at = await folderBox()
  context.server = await startGithub()
  const { world } = context.at
  context.world = worldOfJob(world, context.server)
  addRun(context.server.state)
  await released(world, 'r-2', { allPass: true })
})
it.after.each(async ({ at, server }) => {
  await server.close()
  await at.box.close()
})

const accept = async (world: World, seen: PromotionLook, change: { readonly diff?: string } = {}) =>
  approveAsReviewed(world, {
    ...place,
    trust: await trustOf(world),
    diff: seen.promotion.digest,
    sharing: seen.share.plan.digest,
    environment: 'release',
    reviews: seen.reviews,
    ...change,
  })

const lets = ({ server }: Context, by: string): void =>
  void server.state.reviews.push({
    run: 812,
    environments: ['release'],
    state: 'approved',
    by,
    comment: 'seen',
  })

async function approvals(world: World) {
  const { release, trust } = await recordOf(world, '1.0.1')
  return eventsOf((await readEvents(world, release, trust)).events, 'approved').map(({ event }) => event.data)
}

const move = async (world: World) =>
  promote(world, {
    ...place,
    trust: await trustOf(world),
    by: 'alice',
    trivyDb: null,
    knownExploited: null,
    dryRun: false,
  })

it('the review is a signed approval of both digests; then it moves, and the plan of sharing is the one that was seen', async (context) => {
  const { world, at } = context
  const seen = await look(world)
  assert.equal(
    seen.needs.filter(({ met }) => !met).map(({ name }) => name),
    ['approvals'],
  )
  assert.equal(
    seen.share.plan.actions.map(({ kind, version, principal }) => `${kind} ${version} ${principal}`),
    [`grant 1.0.1 ${at.who}`],
  )
  assert.is(seen.share.plan.actions.length, 1)
  lets(context, 'bob')
  const accepted = await accept(world, seen)
  assert.equal([accepted.written, accepted.reviewers], [true, [{ by: 'bob', comment: 'seen' }]])
  const event = {
    channel: 'stable',
    diff: seen.promotion.digest,
    from: '1.0.0',
    by: 'bob',
    comment: 'seen',
    sharing: seen.share.plan.digest,
    requestedBy: ['alice'],
  }
  assert.equal(await approvals(world), [event])
  // The job is run again: nothing twice.
  assert.is((await accept(world, seen)).written, false)
  const moved = await move(world)
  assert.is(moved.outcome, 'moved')
  const applied = await share(at.box, world, 'apply', { channel: 'stable', plan: seen.share.plan.digest })
  assert.is(applied.exit, 0, applied.text)
  assert.ok((await world.files.list(join(at.folder, 'debian-13'))).includes('1.0.1'))
  // And again after all of it.
  const again = await accept(world, seen)
  assert.equal([again.reviewers, again.written], [[], false])
  assert.equal(await approvals(world), [event])
})

it('what moved since the page was written is refused: the channel, who gets it, or the digests', async (context) => {
  const { world, at } = context
  const seen = await look(world)
  lets(context, 'bob')
  const other = await refusal(accept(world, seen, { diff: 'a'.repeat(64) }))
  assert.is(other.code, 'CONFLICT')
  assert.is((await refusal(accept(world, seen, { diff: '' }))).code, 'USAGE')
  await nameThem(world, { stable: [] })
  const fewer = await refusal(accept(world, seen))
  assert.is(fewer.code, 'CONFLICT')
  assert.match(
    fewer.message,
    /^who would get stable of debian-13 is plan [0-9a-f]{64} now, and the reviewer saw "/,
  )
  await nameThem(world, { stable: [at.who] })
  await pointTo(world, 'stable', '1.0.0')
  await released(world, 'r-3', { allPass: true })
  await pointTo(world, 'stable', '1.0.2')
  assert.is((await refusal(accept(world, seen))).code, 'CONFLICT')
  assert.equal(await approvals(world), [])
})

it('what the channel has is shared by a plan that a reviewer accepted: with the promotion, or now', async (context) => {
  const { world, at } = context
  const first = await look(world)
  lets(context, 'bob')
  assert.is((await accept(world, first)).written, true)
  assert.is((await move(world)).outcome, 'moved')
  // Its step of sharing failed, and the job is run again: accepted with the promotion.
  assert.equal((await accept(world, first)).reviewers, [])
  // Somebody else is named meanwhile: another page, which nobody has accepted.
  const other = join(at.box.folder, 'others')
  await world.files.makeFolder(other)
  await nameThem(world, { stable: [at.who, at.who.replace(at.folder, other)] })
  const second = await look(world)
  assert.is.not(second.share.plan.digest, first.share.plan.digest)
  assert.is((await refusal(accept(world, second))).code, 'PROMOTION_REFUSED')
  lets(context, 'Alice')
  assert.is((await refusal(accept(world, second))).code, 'PROMOTION_REFUSED')
  lets(context, 'carol')
  const accepted = await accept(world, second)
  assert.equal(accepted.reviewers, [{ by: 'carol', comment: 'seen' }])
  assert.equal(
    (await approvals(world)).map(({ by, sharing }) => [by, sharing]),
    [
      ['bob', first.share.plan.digest],
      ['carol', second.share.plan.digest],
    ],
  )
  assert.equal((await accept(world, second)).reviewers, [])
  // The page of before is not what would be done now.
  assert.is((await refusal(accept(world, first))).code, 'CONFLICT')
  const silent = async (): Promise<void> => undefined
  const job: CiJob = {
    run: 'gh-812-1',
    ephemeral: false,
    output: silent,
    summary: silent,
    error: () => undefined,
  }
  const stale = { channel: 'stable', plan: first.share.plan.digest }
  const refused = await refusal(
    shareVerb({ world: { ...world, job }, args: ['apply', 'debian-13'], options: stale }),
  )
  assert.is(refused.code, 'CONFLICT')
  assert.match(refused.hint, /^nothing was given or taken: run all jobs of the workflow again/)
})

it('who asked for it, and who let in an earlier attempt, accept nothing', async (context) => {
  const { world } = context
  const first = await look(world)
  lets(context, 'Alice')
  assert.is((await refusal(accept(world, first))).code, 'PROMOTION_REFUSED')
  lets(context, 'bob')
  const second = await look(world)
  assert.is((await refusal(accept(world, second))).code, 'PROMOTION_REFUSED')
  assert.equal(await approvals(world), [])
})

it('as a verb: the page, the outputs for the job that promotes, and nothing without them', async (context) => {
  const { world, at } = context
  const pages: string[] = []
  const outputs: Record<string, string> = {}
  const job: CiJob = {
    run: 'gh-812-1',
    ephemeral: false,
    output: async (values) => void Object.assign(outputs, values),
    summary: async (markdown) => void pages.push(markdown),
    error: () => undefined,
  }
  const inJob = { ...world, job, env: { ...world.env, GITHUB_TRIGGERING_ACTOR: 'alice' } }
  const args = ['debian-13@1.0.1', 'stable']
  assert.is(await approveVerb({ world: inJob, args, options: {} }), 0)
  const seen = await look(world)
  assert.equal(outputs, {
    diff: seen.promotion.digest,
    sharing: seen.share.plan.digest,
    reviews: 'none',
    lacks: '',
  })
  assert.match(pages[0] ?? '', /^# debian-13&#64;1\.0\.1 for stable\n\nAsked for by alice, /)
  lets(context, 'bob')
  const { diff = '', sharing = '', reviews = '' } = outputs
  const reviewed = { reviewed: 'release', diff, sharing, reviews }
  for (const lost of ['diff', 'sharing', 'reviews']) {
    const error = await refusal(approveVerb({ world: inJob, args, options: { ...reviewed, [lost]: '' } }))
    assert.is(error.message, `--reviewed needs --${lost}, and it is empty`)
  }
  const other = await refusal(approveVerb({ world: inJob, args, options: { ...reviewed, by: 'erin' } }))
  assert.is(other.code, 'USAGE')
  at.box.told.results.length = 0
  assert.is(await approveVerb({ world: inJob, args, options: reviewed }), 0)
  assert.is(at.box.told.results[0]?.text, `debian-13@1.0.1 for stable: approved  by bob  diff sha256:${diff}`)
  assert.is(pages[1], `### Approval\n\ndebian-13&#64;1.0.1 for stable: approved by bob diff sha256:${diff}\n`)
})

it.run()
