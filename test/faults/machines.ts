import { awsCheckout, image } from '../helpers/aws-release.ts'
import { orphanMs } from '../helpers/crash.ts'
import { officialDisk } from '../helpers/official-disk.ts'
import { regions } from '../helpers/publish-cloud.ts'
import { orphansAfter, run, start } from '../helpers/real-cli.ts'
import { testWorld } from '../helpers/world.ts'
import { finalState } from './final-state.ts'
import { killHeld } from './kill.ts'

/** Where it is killed: at a request, or so many seconds after a line that it says. */
type Point =
  | { readonly request: string; readonly when: 'before' | 'after' }
  | { readonly line: RegExp; readonly seconds: number }

/** From one to the next the same release goes on, so that each phase is killed in more than one of its states. */
const points: readonly Point[] = [
  { request: 'ec2:ImportKeyPair', when: 'after' },
  { request: 'ec2:CreateSecurityGroup', when: 'after' },
  { request: 'ec2:RunInstances', when: 'after' },
  { line: /^ {2}build .*\(3 of/m, seconds: 5 },
  { request: 'ec2:CreateImage', when: 'before' },
  { request: 'ec2:CreateImage', when: 'after' },
  { line: /^ {2}test .*waiting for a login/m, seconds: 1 },
  { request: 'ebs:GetSnapshotBlock', when: 'before' },
  { line: /^ {2}test .*2 of 2 instances answered/m, seconds: 20 },
  { line: /^ {2}scan .*scanning packages/m, seconds: 0 },
]

const nameOf = (point: Point): string =>
  'request' in point ? `${point.when} ${point.request}` : `${point.seconds} s after ${point.line}`

/** What a whole release has left too much or too little of. */
function wrongIn(state: readonly string[]): readonly string[] {
  const lines = (kind: string): readonly string[] =>
    state.filter((line) => regions.some((region) => line.startsWith(`${region} ${kind} `)))
  const counted = { image: 1, snapshot: 1, parameter: 2, instance: 0, volume: 0, 'key pair': 0, group: 0 }
  return Object.entries(counted).flatMap(([kind, each]) => {
    const there = lines(kind)
    return there.length === each * regions.length
      ? []
      : [`${there.length} of ${kind}, expected ${each * regions.length}:`, ...there]
  })
}

/**
 * One release with real machines, killed at ten points of its build, its test and its scan, and run again each time.
 * @returns what is wrong with its end
 */
export async function killedWithMachines(say: (text: string) => void): Promise<readonly string[]> {
  const test = await testWorld()
  const wrong: string[] = []
  try {
    const { cli, cloud, release } = await awsCheckout(test, await officialDisk(test))
    try {
      await run(cli, ['base', 'update', image, '--target', 'aws'], { env: cloud.env })
      say('| point | killed | nothing left running here |\n| --- | --- | --- |')
      for (const [index, point] of points.entries()) {
        const faults =
          'request' in point ? [{ action: point.request, kind: `hold-${point.when}` as const }] : []
        await cloud.change({ faults })
        const started = start(cli, release, { env: cloud.env })
        if ('line' in point) {
          await started.says(point.line)
          await Promise.race([started.ended, test.world.clock.sleep(point.seconds * 1000)])
          started.child.kill('SIGKILL')
        } else await killHeld(started, cloud)
        const { signal, stderr } = await started.ended
        const orphans = await orphansAfter(cli.folder, orphanMs)
        if (signal !== 'SIGKILL') wrong.push(`${nameOf(point)}: it ended before:\n${stderr}`)
        wrong.push(...orphans.map((process) => `${nameOf(point)}: still running: ${process}`))
        say(
          `| ${index + 1} | ${nameOf(point).replaceAll('|', '\\|')} | ${orphans.length === 0 ? 'yes' : 'NO'} |`,
        )
      }
      await cloud.change({ faults: [] })
      const ended = await run(cli, release, { env: cloud.env })
      if (ended.code !== 0) wrong.push(`it ended with ${ended.code}:\n${ended.stderr}`)
      wrong.push(...wrongIn(await finalState(cli, cloud)))
      say(`\nThen exit code ${ended.code}.`)
    } finally {
      await cloud.close()
    }
  } finally {
    await test.close()
  }
  return wrong
}
