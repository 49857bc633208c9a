import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StandIn } from '../cloud/stand-in.ts'
import { awsBox } from '../helpers/aws-share.ts'
import { share } from '../helpers/share-fixture.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'
import {
  accounts,
  type Cost,
  costOf,
  costText,
  packerBuild,
  packerCopies,
  principals,
  regions,
  say,
  startRegions,
  units,
} from './many-regions.ts'

/**
 * A release in 17 regions, shared with 200 accounts and 3 units: seconds and calls of a plan, of what is done and of a plan with nothing to do.
 * Then the same by Packer's `ami_regions`, `ami_users` and `snapshot_users` on the same stand-in. Argument: milliseconds that are added
 * to each call (100).
 */
const [latencyMs = 100] = process.argv.slice(2).map(Number)

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
const { cloud, base, under, close } = await startRegions(test.world)
try {
  const aws = await awsBox(under)
  try {
    await aws.name({ stable: principals }, { regions })
    await aws.release('1.0.0', { regions })
    await aws.pointTo('stable', '1.0.0')
    await cloud.change({ settings: { latencyMs } })
    say(`${principals.length} principals, ${regions.length} regions, ${latencyMs} ms added to each call`)
    const planned = await costOf(cloud, () => share(aws.box, aws.world, 'plan'))
    say(`share plan   ${costText(planned)}`)
    const applied = await costOf(cloud, () => share(aws.box, aws.world, 'apply'))
    say(`share apply  ${costText(applied)}`)
    const again = await costOf(cloud, () => share(aws.box, aws.world, 'plan'))
    // One image, one snapshot and one key in each region.
    const bound = regions.length * (3 + 1 + 1 + 2)
    say(`share plan with nothing to do  ${costText(again)} (at most ${bound} calls)`)
    const packer = await packerShares(test, cloud, base, folder)
    say(
      `share apply ${applied.seconds.toFixed(1)} s / Packer's ami_users, ami_ou_arns and snapshot_users ${costText(packer)} = ${(applied.seconds / packer.seconds).toFixed(2)}; Packer looks at nothing, takes nothing away and leaves the keys' policies to people`,
    )
  } finally {
    await aws.close()
  }
} finally {
  await close()
  await test.close()
  await rm(folder, { recursive: true, force: true })
}
