import { availableParallelism } from 'node:os'
import { type TestWorld, testWorld } from '../helpers/world.ts'
import { type Killed, killedThenAgain, throttled, type Undisturbed } from './kill.ts'
import { killedWithMachines } from './machines.ts'
import { type Prepared, preparedRelease } from './prepared.ts'
import { type Refused, refusals, refusedWith } from './refusals.ts'
import { killedTable, nameOf, refusedTable, wrongLines } from './table.ts'
import { allWays } from './ways.ts'

/**
 * `npm run test:faults`: from the candidate on, the real command line killed at every request that it makes of AWS, before the work and
 * after it, and run again; then all that AWS refuses. With the word `machines` instead: killed at ten points of a build, a test and a
 * scan with machines (about 45 min). Prints tables; its exit code is 1 where anything ended otherwise.
 */

interface Worker {
  readonly test: TestWorld
  readonly prepared: Prepared
  readonly ways: readonly Undisturbed[]
}

async function worker(): Promise<Worker> {
  const test = await testWorld()
  const prepared = await preparedRelease(test)
  return { test, prepared, ways: await allWays(prepared) }
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Every request of every way, twice. Who is free takes the next. */
async function killAll(workers: readonly Worker[]): Promise<readonly Killed[]> {
  const [first] = workers
  const jobs = (first?.ways ?? []).flatMap(({ requests }, way) =>
    requests.flatMap((_, index) =>
      (['before', 'after'] as const).map((when) => ({ way, at: index + 1, when })),
    ),
  )
  const results: Killed[] = []
  let next = 0
  const work = async ({ ways }: Worker): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
      const reference = ways[job.way]
      const killed = reference === undefined ? null : await killedThenAgain(reference, job.at, job.when)
      // The regions take turns: a run may need a request less than another.
      if (killed === null) continue
      results.push(killed)
      process.stderr.write(`${results.length} of ${jobs.length}: ${nameOf(killed)}\n`)
    }
  }
  await Promise.all(workers.map(work))
  const order = (first?.ways ?? []).map(({ way }) => way.name)
  return results.sort(
    (a, b) => order.indexOf(a.way) - order.indexOf(b.way) || a.at - b.at || (a.when < b.when ? 1 : -1),
  )
}

async function withoutMachines(): Promise<readonly string[]> {
  const workers = await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker))
  try {
    const killed = await killAll(workers)
    say(killedTable(killed).join('\n'))
    const [first] = workers
    const refused: Refused[] = []
    const waited: string[] = []
    if (first !== undefined) {
      for (const refusal of refusals) refused.push(await refusedWith(first.prepared, refusal))
      for (const way of first.ways)
        waited.push(...wrongLines(`${way.way.name}, 30 % throttled`, await throttled(way, 0.3)))
    }
    say(
      `\n${refusedTable(refused).join('\n')}\n\n30 % of the calls throttled: ${waited.length === 0 ? 'ends well' : 'DOES NOT END WELL'}`,
    )
    return [
      ...killed.flatMap((one) => wrongLines(nameOf(one), one.wrong)),
      ...refused.flatMap(({ name, wrong }) => wrongLines(name, wrong)),
      ...waited,
    ]
  } finally {
    for (const { prepared, test } of workers) {
      await prepared.close()
      await test.close()
    }
  }
}

const wrong = process.argv[2] === 'machines' ? await killedWithMachines(say) : await withoutMachines()
say(`\n${wrong.length === 0 ? 'all ended alike' : wrong.join('\n')}`)
process.exitCode = wrong.length === 0 ? 0 : 1
