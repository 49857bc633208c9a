import { httpTarget, type OwnTestSeen, ownTestCommand, parseOwnTestRun } from '../core/own-tests.ts'
import { MintmarkError } from '../errors.ts'
import type { ImageTest } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import type { Instance } from '../targets/instance.ts'

const runSeconds = 60
/** Added for the connection, which an emulated guest is slow at. */
const connectMs = 60_000
const httpDeadlineMs = 60_000
const httpTryMs = 20_000
/** A service may come up a little after the boot has ended. */
const httpPauseMs = 2000

type Asking = Pick<World, 'net' | 'clock' | 'signal'>

async function ran(world: Asking, machine: Instance, command: string): Promise<OwnTestSeen> {
  const began = world.clock.now().getTime()
  const finished = await machine.ssh(ownTestCommand(command, runSeconds), {
    timeoutMs: runSeconds * 1000 + connectMs,
  })
  return parseOwnTestRun(finished, runSeconds, (world.clock.now().getTime() - began) / 1000)
}

async function asked(
  world: Asking,
  machine: Instance,
  test: Extract<ImageTest, { http: string }>,
): Promise<OwnTestSeen> {
  const { port: guest, path } = httpTarget(test.http)
  const port = machine.forwarded?.get(guest)
  if (world.net === undefined || port === undefined) {
    throw new MintmarkError('INTERNAL', `nothing leads to port ${guest} of the instance`)
  }
  const until = world.clock.now().getTime() + httpDeadlineMs
  for (;;) {
    const answer = await world.net.getStatus({
      host: machine.host,
      port,
      path,
      tls: test.https,
      timeoutMs: httpTryMs,
    })
    const over = world.signal.aborted || world.clock.now().getTime() + httpPauseMs >= until
    if ('status' in answer && (over || answer.status === test.status)) return { kind: 'status', ...answer }
    if (over && 'problem' in answer) {
      return { kind: 'none', answered: true, problem: `no answer from port ${guest}: ${answer.problem}` }
    }
    await world.clock.sleep(httpPauseMs)
  }
}

/** The definition's own tests in one instance, one after the other; none of them ends the others. */
export async function runOwnTests(
  world: Asking,
  machine: Instance,
  tests: readonly ImageTest[],
): Promise<readonly OwnTestSeen[]> {
  const seen: OwnTestSeen[] = []
  for (const test of tests) {
    seen.push('run' in test ? await ran(world, machine, test.run) : await asked(world, machine, test))
  }
  return seen
}
