import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../pipeline/ports/clock.ts'
import { factory } from '../cloud/stand-in.ts'
import { aws, builtAmi, distribute } from '../helpers/publish-cloud.ts'
import { testWorld } from '../helpers/world.ts'
import {
  type Cost,
  costOf,
  costText,
  home,
  packerBuild,
  packerCopies,
  regions,
  say,
  startRegions,
} from './many-regions.ts'

/**
 * A candidate brought to 17 regions: copies, tags, protection and parameters; the same again, with nothing to do; and another one
 * among 10,000 other images of the account. Then whole builds by Packer on the same stand-in, without and with `ami_regions`. Arguments: milliseconds that are added to each call (100), other images (10000).
 */
const [latencyMs = 100, others = 10_000] = process.argv.slice(2).map(Number)

const folder = await mkdtemp(join(tmpdir(), 'mintmark-bench-'))
const box = await testWorld()
const { cloud, entered, base, keys, close } = await startRegions(box.world)
try {
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

  // Packer's polls make a build's time jump: the faster one of two, after one that only warms up.
  let builds = 0
  const faster = async (more: Readonly<Record<string, unknown>>): Promise<Cost> => {
    const costs: Cost[] = []
    while (costs.length < 2) {
      builds += 1
      const names = { ami_name: `bench-${builds}`, source_ami: base }
      costs.push((await packerBuild(box, cloud, folder, { ...more, ...names })).cost)
    }
    return costs.reduce((one, other) => (other.seconds < one.seconds ? other : one))
  }
  await packerBuild(box, cloud, folder, { ami_name: 'bench-warm', source_ami: base })
  const plain = await faster({})
  const copies = await faster(packerCopies)
  const extra = copies.seconds - plain.seconds
  say(`Packer's whole build without copies  ${costText(plain)}`)
  say(
    `Packer's whole build with ami_regions  ${costText(copies)}: ${extra.toFixed(1)} s more, for it makes a copy anyway, to encrypt it`,
  )
  say(
    `publish ${first.seconds.toFixed(1)} s / Packer's whole build with ami_regions ${copies.seconds.toFixed(1)} s = ${(first.seconds / copies.seconds).toFixed(2)}; Packer copies and tags alone: no protection, no deprecation, no parameters, no look at what is there`,
  )
} finally {
  await close()
  await box.close()
  await rm(folder, { recursive: true, force: true })
}
