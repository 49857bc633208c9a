import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { World } from '../../pipeline/ports/world.ts'
import { reviewersOf, reviewsSoFar } from '../../pipeline/stages/reviews.ts'
import { type GitHubServer, startGithub } from '../helpers/github-server.ts'
import { addRun } from '../helpers/github-state.ts'
import { refusal } from '../helpers/refusal.ts'
import { worldOfJob } from '../helpers/reviewed-job.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld; server: GitHubServer; world: World }>('reviewers of a run')

it.before.each(async (context) => {
  context.box = await testWorld()
  context.server = await startGithub()
  context.world = worldOfJob(context.box.world, context.server)
  addRun(context.server.state, { actor: 'octocat', triggeringActor: 'dora', attempt: 2 })
})
it.after.each(async ({ box, server }) => {
  await server.close()
  await box.close()
})

/** Somebody lets a run in, as GitHub keeps it. */
const lets = ({ state }: GitHubServer, by: string, run = 812): void =>
  void state.reviews.push({ run, environments: ['release'], state: 'approved', by, comment: 'go' })

it('those of this run who came after the look and did not ask for it', async ({ world, server }) => {
  lets(server, 'bob')
  lets(server, 'carol', 811)
  const before = await reviewsSoFar(world)
  assert.match(before, /^[0-9a-f]{16}$/)
  lets(server, 'erin')
  lets(server, 'Octocat')
  assert.equal(await reviewersOf(world, { environment: 'release', before }), {
    reviewers: [{ by: 'erin', comment: 'go' }],
    requesters: ['octocat', 'dora'],
  })
})

it('what a bot asked for, or an account that is gone, nobody can let in: who is behind it may be the reviewer', async ({
  world,
  server,
}) => {
  const [stored] = server.state.runs
  assert.ok(stored !== undefined)
  const ask = { environment: 'release', before: await reviewsSoFar(world) }
  lets(server, 'mallory')
  for (const [actor, triggeringActor, who] of [
    ['github-actions[bot]', 'github-actions[bot]', 'github-actions[bot]'],
    ['octocat', 'github-actions[bot]', 'octocat, github-actions[bot]'],
    [null, 'octocat', 'an account that is gone, octocat'],
    [null, null, 'an account that is gone'],
  ] as const) {
    server.state.runs[0] = { ...stored, actor, triggeringActor }
    const refused = await refusal(reviewersOf(world, ask))
    assert.is(refused.code, 'PROMOTION_REFUSED')
    assert.is(refused.message, `this run was asked for by ${who}, and not by people alone`)
    assert.match(refused.hint, /^a person has to dispatch it/)
  }
})

it('a bot lets nothing in, and who keeps it out is heard, whoever else let it in', async ({
  world,
  server,
}) => {
  const ask = { environment: 'release', before: await reviewsSoFar(world) }
  lets(server, 'merger[bot]')
  const bot = await refusal(reviewersOf(world, ask))
  assert.is(bot.message, 'merger[bot] let this run into release, and is no person')
  lets(server, 'bob')
  assert.equal((await reviewersOf(world, ask)).reviewers, [{ by: 'bob', comment: 'go' }])
  server.state.reviews.push({
    run: 812,
    environments: ['release'],
    state: 'rejected',
    by: 'carol',
    comment: '',
  })
  const out = await refusal(reviewersOf(world, ask))
  assert.is(out.code, 'PROMOTION_REFUSED')
  assert.is(out.message, 'carol kept this run out of release')
  assert.match(out.hint, /run all jobs of the workflow again/)
  // On a page that is shown anew it is of before.
  const anew = { environment: 'release', before: await reviewsSoFar(world) }
  lets(server, 'bob')
  assert.is((await reviewersOf(world, anew)).reviewers.length, 1)
})

it('nobody, only who asked for it, or who saw the page of an earlier attempt: refused, each in its own words', async ({
  world,
  server,
}) => {
  const ask = { environment: 'release', before: await reviewsSoFar(world) }
  const nobody = await refusal(reviewersOf(world, ask))
  assert.is(nobody.code, 'PROMOTION_REFUSED')
  assert.is(nobody.message, 'nobody let this run into release after they could see what it does')
  assert.match(nobody.hint, /required reviewers are a setting of the environment release/)
  lets(server, 'OctoCat')
  lets(server, 'dora')
  const own = await refusal(reviewersOf(world, ask))
  assert.is(own.message, 'OctoCat, dora asked for this run and let it into release: somebody else has to')
  lets(server, 'bob')
  const earlier = await refusal(reviewersOf(world, { ...ask, before: await reviewsSoFar(world) }))
  assert.is(earlier.message, nobody.message)
  assert.is(
    (await refusal(reviewersOf(world, { ...ask, environment: 'share' }))).message.includes('share'),
    true,
  )
})

it('a lost list of earlier reviews, and a place that is no job, are told', async ({ world }) => {
  const lost = await refusal(reviewersOf(world, { environment: 'release', before: '' }))
  assert.is(lost.code, 'USAGE')
  assert.is(lost.message, '--reviews is "": expected the output of the look')
  for (const other of [
    { ...world, github: undefined },
    { ...world, env: {} },
  ]) {
    assert.is((await refusal(reviewersOf(other, { environment: 'release', before: 'none' }))).code, 'USAGE')
    assert.is((await refusal(reviewsSoFar(other))).code, 'USAGE')
  }
})

it.run()
