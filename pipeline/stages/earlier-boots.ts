import * as z from 'zod'
import type { EarlierBoots } from '../core/boot-seconds.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import { locateRelease, openRecord, releasedImages } from './read-release.ts'
import { readReport } from './read-reports.ts'

const Boots = z.object({
  boots: z.array(z.object({ secondsToLogin: z.number(), purpose: z.string().optional() })),
})
const Build = z.object({ accelerator: z.string() })

/**
 * How long the boots of the variant's release took that the channel nightly points to; null when there is none, or none that can be
 * read: only a comparison is lost.
 */
export async function earlierBoots(
  world: World,
  image: string,
  variant: string,
): Promise<EarlierBoots | null> {
  if (!(await releasedImages(world)).includes(image)) return null
  try {
    const { version, statement } = openRecord(await locateRelease(world, image, variant))
    const { accelerator } = await readReport(world, statement.predicate, 'build', Build)
    const { boots } = await readReport(world, statement.predicate, 'test', Boots)
    const fresh = boots.filter(({ purpose }) => purpose === undefined || purpose === 'new')
    return { version, accelerator, seconds: fresh.map(({ secondsToLogin }) => secondsToLogin) }
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    return null
  }
}
