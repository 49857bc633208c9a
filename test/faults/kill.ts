import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StandIn } from '../cloud/stand-in.ts'
import { image } from '../helpers/aws-release.ts'
import { differences, orphanMs } from '../helpers/crash.ts'
import {
  type Ended,
  orphansAfter,
  type RealCli,
  restore,
  run,
  snapshotOf,
  type Started,
  start,
} from '../helpers/real-cli.ts'
import { finalState } from './final-state.ts'
import type { Standing } from './prepared.ts'

/** What a person types, one command after the other. */
export type Typed = (run: (args: readonly string[]) => Promise<Ended>) => Promise<Ended>

/** One command on its way, from files and an account as they were before it. */
export interface Way extends Standing {
  readonly name: string
  readonly cli: RealCli
  /** images/web.yaml */
  readonly definition: string
  readonly args: readonly string[]
  /** After it was killed; the same command where it is left out. */
  readonly again?: Typed
}

/** Puts files and account in place. */
export async function begin({ cli, files, cloud, definition }: Omit<Way, 'name' | 'args'>): Promise<StandIn> {
  await restore(files)
  await writeFile(join(cli.root, 'images', `${image}.yaml`), definition)
  return cloud.branch()
}

/** What it comes to when nobody disturbs it. */
export interface Undisturbed {
  readonly way: Way
  readonly ended: Ended
  /** service:Action region of its requests, in order. */
  readonly requests: readonly string[]
  readonly state: readonly string[]
}

/** What became of it after it was killed. */
export interface Killed {
  readonly way: string
  /** From 1. */
  readonly at: number
  readonly when: 'before' | 'after'
  /** service:Action region of the request that it was killed at. */
  readonly request: string
  /** Of the run after it. */
  readonly exit: number | null
  /** How the end differs from that of an undisturbed run, and what is left running. */
  readonly wrong: readonly string[]
}

const requestsOf = async (cloud: StandIn): Promise<readonly string[]> =>
  (await cloud.calls()).map(({ service, action, region }) => `${service}:${action} ${region}`)

/** The way without any fault. Its files and its account are those that the next way may begin with. */
export async function undisturbed(way: Way): Promise<Undisturbed & Standing> {
  const cloud = await begin(way)
  const ended = await run(way.cli, way.args, { env: cloud.env })
  if (ended.code !== 0) throw new Error(`${way.name} ended with ${ended.code}:\n${ended.stderr}`)
  const requests = await requestsOf(cloud)
  const state = await finalState(way.cli, cloud)
  const files = await snapshotOf(way.cli, `${way.files.saved}-after-${way.name.replaceAll(' ', '-')}`)
  return { way, ended, requests, state, cloud, files }
}

/** Kills the process once a request of it hangs at the other side. @returns that request; null when the process ended before */
export async function killHeld({ child, ended }: Started, cloud: StandIn): Promise<string | null> {
  let over = false
  void ended.then(() => {
    over = true
  })
  for (;;) {
    const held = (await cloud.calls()).findLast(({ result }) => result.startsWith('held'))
    if (held !== undefined || over) {
      child.kill('SIGKILL')
      await ended
      return held === undefined ? null : `${held.service}:${held.action} ${held.region}`
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/**
 * Kills the real command line at one of its requests, with SIGKILL: before the other side did the work, or after it had. Then it is run
 * again, and looked at what there is.
 * @returns null when it ends before that request
 */
export async function killedThenAgain(
  reference: Undisturbed,
  at: number,
  when: Killed['when'],
): Promise<Killed | null> {
  const { way } = reference
  const cloud = await begin(way)
  try {
    await cloud.change({ faults: [{ number: at, kind: `hold-${when}` }] })
    const request = await killHeld(start(way.cli, way.args, { env: cloud.env }), cloud)
    if (request === null) return null
    const orphans = await orphansAfter(way.cli.folder, orphanMs)
    const again = (args: readonly string[]): Promise<Ended> => run(way.cli, args, { env: cloud.env })
    const ended = await (way.again?.(again) ?? again(way.args))
    const wrong = [
      ...orphans.map((process) => `still running: ${process}`),
      ...(ended.code === 0 ? [] : [`ended with ${ended.code}: ${ended.stderr}`]),
      ...differences(await finalState(way.cli, cloud), reference.state),
    ]
    return { way: way.name, at, when, request, exit: ended.code, wrong }
  } finally {
    await cloud.close()
  }
}

/** The way while so many of all calls are throttled, from 0 to 1. @returns what is wrong with its end */
export async function throttled(reference: Undisturbed, chance: number): Promise<readonly string[]> {
  const { way, state } = reference
  const cloud = await begin(way)
  try {
    await cloud.change({ faults: [{ kind: 'throttle', chance }] })
    const ended = await run(way.cli, way.args, { env: cloud.env })
    await cloud.change({ faults: [] })
    return [
      ...(ended.code === 0 ? [] : [`ended with ${ended.code}: ${ended.stderr}`]),
      ...differences(await finalState(way.cli, cloud), state),
    ]
  } finally {
    await cloud.close()
  }
}
