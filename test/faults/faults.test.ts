import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type TestWorld, testWorld } from '../helpers/world.ts'
import { killedThenAgain, type Undisturbed } from './kill.ts'
import { type Prepared, preparedRelease } from './prepared.ts'
import { refusals, refusedWith } from './refusals.ts'
import { nameOf } from './table.ts'
import { allWays } from './ways.ts'

// A sample of what `npm run test:faults` does at every request.
interface Context {
  test: TestWorld
  prepared: Prepared
  ways: readonly Undisturbed[]
}

const faults = suite<Context>('killed by the number of a request')

faults.before(async (context) => {
  context.test = await testWorld()
  context.prepared = await preparedRelease(context.test)
  context.ways = await allWays(context.prepared)
})
faults.after(async ({ test, prepared }) => {
  await prepared.close()
  await test.close()
})

/** Of each way: the first request of a kind, and whether it was done before the process died. */
const sample: readonly (readonly [way: number, request: RegExp, when: 'before' | 'after'])[] = [
  [0, /CopyImage/, 'before'],
  [0, /CopyImage/, 'after'],
  [0, /PutParameter/, 'after'],
  [1, /PutKeyPolicy/, 'after'],
  [1, /ModifySnapshotAttribute/, 'before'],
  [1, /ModifyImageAttribute/, 'after'],
  [2, /ModifyImageAttribute/, 'after'],
  [2, /PutKeyPolicy/, 'before'],
]

faults('killed before and after the work of a request, then run again: the same end', async ({ ways }) => {
  for (const [way, request, when] of sample) {
    const reference = ways[way]
    assert.ok(reference)
    const at = reference.requests.findIndex((name) => request.test(name)) + 1
    assert.ok(at > 0, `${reference.way.name} has no ${request}`)
    const killed = await killedThenAgain(reference, at, when)
    assert.ok(killed)
    assert.equal(killed.wrong, [], nameOf(killed))
  }
})

faults('what AWS refuses: exit code 8, one message, nothing made', async ({ prepared }) => {
  for (const refusal of refusals.slice(0, 5)) {
    const { name, wrong, message } = await refusedWith(prepared, refusal)
    assert.equal(wrong, [], `${name}: ${message}`)
  }
})

faults.run()
