import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  judgeReviews,
  type Review,
  readReviewList,
  reviewList,
  reviewsSince,
} from '../../pipeline/core/reviews.ts'

const it = suite('reviews of a run')

const review = (by: string, change: Partial<Review> = {}): Review => ({
  environments: ['release'],
  state: 'approved',
  by,
  byPerson: true,
  comment: '',
  ...change,
})
const asked = { environment: 'release', requesters: ['alice', 'dora'] }

it('who let it in counts once, who asked for it never, however the login is written', () => {
  const reviews = [
    review('bob', { comment: ' looks good\n' }),
    review('Bob', { comment: 'again' }),
    review('ALICE'),
    review('Dora'),
    review('carol', { environments: ['share', 'RELEASE'] }),
    review('erin', { environments: ['share'] }),
    review('frank', { state: 'rejected' }),
    review('grace', { state: 'pending' }),
    review('heidi', { state: 'rejected', environments: ['share'] }),
    review('merger[bot]', { byPerson: false }),
  ]
  assert.equal(judgeReviews(reviews, asked), {
    reviewers: [
      { by: 'bob', comment: 'looks good' },
      { by: 'carol', comment: null },
    ],
    own: ['ALICE', 'Dora'],
    bots: ['merger[bot]'],
    rejecters: ['frank'],
  })
})

it('a long comment is kept as far as an event can hold it', () => {
  const [told] = judgeReviews([review('bob', { comment: '🙂'.repeat(1500) })], asked).reviewers
  assert.is(told?.comment?.length, 2000)
})

it('a review of before counts as little as it is repeated, and the same word said anew does', () => {
  const before = [review('bob', { comment: 'go' }), review('carol')]
  const list = readReviewList(reviewList(before)) ?? []
  assert.is(list.length, 2)
  assert.equal(reviewsSince(before, list), [])
  assert.equal(reviewsSince([...before, review('bob', { comment: 'go' })], list), [
    review('bob', { comment: 'go' }),
  ])
  // GitHub may leave out those of an earlier attempt: then fewer count, never more.
  assert.equal(reviewsSince([review('bob', { comment: 'go' })], list), [])
})

const anyReview = fc.record({
  environments: fc.subarray(['release', 'share'], { minLength: 1 }),
  state: fc.constantFrom('approved' as const, 'rejected' as const, 'pending' as const),
  by: fc.constantFrom('alice', 'bob', 'carol'),
  byPerson: fc.constant(true),
  comment: fc.constantFrom('', 'go'),
})

it('in whatever order they come, what is new is as many as came since', () => {
  fc.assert(
    fc.property(fc.array(anyReview), fc.array(anyReview), fc.integer(), (before, since, seed) => {
      const list = readReviewList(reviewList(before))
      assert.ok(list !== null)
      const all = [...before, ...since]
      const turned = all.map((_, index) => all[(index + Math.abs(seed)) % all.length] as Review)
      const words = (reviews: readonly Review[]) => reviews.map((item) => JSON.stringify(item)).sort()
      assert.equal(words(reviewsSince(turned, list)), words(since))
    }),
  )
})

it('no list is a list, and a lost one is none', () => {
  assert.is(reviewList([]), 'none')
  assert.equal(readReviewList('none'), [])
  for (const text of ['', 'None', 'x', '0123456789abcdef,', '0123456789ABCDEF'])
    assert.is(readReviewList(text), null)
})

it.run()
