import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { factory, type StandIn, startStandIn } from '../cloud/stand-in.ts'
import { seedBase, underTest } from '../cloud/under-test.ts'
import { awsBox, goldenKey } from '../helpers/aws-share.ts'
import { share } from '../helpers/share-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'
import {
  type Cost,
  costOf,
  costText,
  packerBuild,
  packerCopies,
  peakMemory,
  regions,
  say,
} from './many-regions.ts'

/**
 * A release in 17 regions, shared with 200 accounts and 3 units: seconds and calls of a plan, of what is done and of a plan with nothing to do, and the
 * most memory that our process took. Then the same by Packer's `ami_regions`, `ami_users` and `snapshot_users` on the same stand-in. Argument:
 * milliseconds that are added to each call (100).
 */
const [latencyMs = 100] = process.argv.slice(2).map(Number)
const accounts = Array.from({ length: 200 }, (_, index) => String(500_000_000_000 + index))
const units = ['1', '2', '3'].map((one) => `o-abcdefghij/ou-abcd-1234567${one}`)

/** Packer's own way: its share of a build is what lies between its first change of a permission and what it does after the last. */
async function packerShares(
  test: TestWorld,
  cloud: StandIn,
  sourceAmi: string,
  folder: string,
): Promise<Cost> {
  const { cost, log } = await packerBuild(test, cloud, folder, {
    ...packerCopies,
    ami_name: 'bench-of-packer',
    source_ami: sourceAmi,
    ami_users: accounts,
    snapshot_users: accounts,
    ami_ou_arns: units.map((unit) => `arn:aws:organizations::999999999999:ou/${unit}`),
  })
  say(`Packer's whole build with copies to ${regions.length} regions: ${costText(cost)}`)
  const lines = log.split('\n')
  const at = (index: number): number => Date.parse(lines[index]?.split(': ')[0] ?? '') / 1000
  const isShare = (line: string): boolean => line.includes('Modifying attributes on')
  const seconds =
    at(lines.findLastIndex((line) => line.includes('Modifying: ')) + 1) - at(lines.findIndex(isShare))
  return { seconds, calls: cost.calls.filter(({ action }) => action.startsWith('Modify')) }
}

const folder = await mkdtemp(join(tmpdir(), 'mintmark-bench-'))
const test = await testWorld()
const cloud = await startStandIn(test.world)
const environment = cloud.enter()
try {
  const base = await seedBase(cloud)
  await cloud.seed({ regions })
  const under = underTest(
    () => cloud,
    () => base,
  )
  for (const region of regions) await goldenKey(under.kms(factory, region))
  const aws = await awsBox(under)
  try {
    const named = [
      ...accounts.map((one) => `account:${one}`),
      ...units.map((one) => `ou:999999999999/${one}`),
    ]
    await aws.name({ stable: named }, { regions })
    await aws.release('1.0.0', { regions })
    await aws.pointTo('stable', '1.0.0')
    const before = peakMemory()
    await cloud.change({ settings: { latencyMs } })
    say(`${named.length} principals, ${regions.length} regions, ${latencyMs} ms added to each call`)
    const planned = await costOf(cloud, () => share(aws.box, aws.world, 'plan'))
    say(`share plan   ${costText(planned)}`)
    const applied = await costOf(cloud, () => share(aws.box, aws.world, 'apply'))
    say(`share apply  ${costText(applied)}`)
    const again = await costOf(cloud, () => share(aws.box, aws.world, 'plan'))
    // One image, one snapshot and one key in each region.
    const bound = regions.length * (3 + 1 + 1 + 2)
    say(`share plan with nothing to do  ${costText(again)} (at most ${bound} calls)`)
    const memory = peakMemory()
    say(`${memory.toFixed(0)} MiB of memory at most (250), ${before.toFixed(0)} before the first plan`)
    const packer = await packerShares(test, cloud, base, folder)
    say(
      `share apply ${applied.seconds.toFixed(1)} s / Packer's ami_users, ami_ou_arns and snapshot_users ${costText(packer)} = ${(applied.seconds / packer.seconds).toFixed(2)}; Packer looks at nothing, takes nothing away and leaves the keys' policies to people`,
    )
  } finally {
    await aws.close()
  }
} finally {
  environment.restore()
  await cloud.close()
  await test.close()
  await rm(folder, { recursive: true, force: true })
}
