import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../pipeline/ports/clock.ts'
import { factory, startStandIn } from '../cloud/stand-in.ts'
import { seedBase, underTest } from '../cloud/under-test.ts'
import { goldenKey } from '../helpers/aws-share.ts'
import { aws, builtAmi, distribute } from '../helpers/publish-cloud.ts'
import { testWorld } from '../helpers/world.ts'
import {
  costOf,
  costText,
  home,
  packerBuild,
  packerCopies,
  peakMemory,
  regions,
  say,
} from './many-regions.ts'

/**
 * A candidate brought to 17 regions: copies, tags, protection and parameters; the same again, with nothing to do; and another one
 * among 10,000 other images of the account. Then Packer's `ami_regions` on the same stand-in: what a build with copies takes longer than
 * one without. Arguments: milliseconds that are added to each call (100), other images (10000).
 */
const [latencyMs = 100, others = 10_000] = process.argv.slice(2).map(Number)

const folder = await mkdtemp(join(tmpdir(), 'mintmark-bench-'))
const box = await testWorld()
const cloud = await startStandIn(box.world)
const entered = cloud.enter()
try {
  const base = await seedBase(cloud)
  await cloud.seed({ regions })
  const { kms } = underTest(
    () => cloud,
    () => base,
  )
  const keys: Record<string, string> = {}
  for (const region of regions) keys[region] = await goldenKey(kms(factory, region))
  const context = { cloud, box, entered, clock: systemClock, keys }
  const target = aws({ regions: [...regions] })
  const one = await builtAmi(cloud, keys[home] ?? '')
  const two = await builtAmi(cloud, keys[home] ?? '')
  await cloud.change({ settings: { latencyMs } })

  say(`${regions.length} regions, ${latencyMs} ms added to each call`)
  const publish = (release: typeof one) =>
    costOf(cloud, async () => {
      const { left } = await distribute(context, release, { target })
      if (left.length > 0) throw new Error(JSON.stringify(left))
    })
  const first = await publish(one)
  say(`publish  ${costText(first)}`)
  say(`publish with nothing to do  ${costText(await publish(one))}`)
  await cloud.seed({
    crowds: [{ count: others, regions: [home], image: { name: 'other', owner: factory, public: false } }],
  })
  const crowded = await publish(two)
  say(
    `publish among ${others} other images in ${home}  ${costText(crowded)} = ${(crowded.seconds / first.seconds).toFixed(2)} of the first`,
  )
  say(`${peakMemory().toFixed(0)} MiB of memory at most (250)`)

  const plain = await packerBuild(box, cloud, folder, { ami_name: 'bench-plain', source_ami: base })
  const copies = await packerBuild(box, cloud, folder, {
    ...packerCopies,
    ami_name: 'bench-copies',
    source_ami: base,
  })
  const seconds = copies.cost.seconds - plain.cost.seconds
  const calls = copies.cost.calls.length - plain.cost.calls.length
  say(
    `publish ${first.seconds.toFixed(1)} s / Packer's ami_regions ${seconds.toFixed(1)} s, ${calls} calls (a build with copies less one without) = ${(first.seconds / seconds).toFixed(2)}; Packer copies and tags alone: no protection, no deprecation, no parameters, no look at what is there`,
  )
} finally {
  entered.restore()
  await cloud.close()
  await box.close()
  await rm(folder, { recursive: true, force: true })
}
