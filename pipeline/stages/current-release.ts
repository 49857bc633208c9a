import type { CurrentRelease } from '../core/emergency.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import type { Trust } from './chain.ts'
import { variantAt } from './choose-target.ts'
import { pointsTo } from './move-channel.ts'
import { locateVariant } from './read-release.ts'
import { storedScan } from './read-reports.ts'
import { lookUp, withAdvisories } from './scan-again.ts'
import { releaseTrustedBy, trustedKeys } from './verify-release.ts'

/** What people run: stable where there is one. */
const channels = ['stable', 'nightly'] as const

/**
 * The channel's current release with every finding of its own scan and those that today's database adds; null without any.
 * @throws MintmarkError VERIFY_FAILED when its record can't be trusted, or as withAdvisories and lookUp do
 */
export async function currentRelease(
  world: World,
  input: {
    readonly image: string
    readonly definition: Definition
    readonly target: Target
    readonly trivyDb: string | null
  },
): Promise<CurrentRelease | null> {
  const { image, definition, target, trivyDb } = input
  const variant = variantAt(target)
  const trust: Trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  for (const channel of channels) {
    const now = await pointsTo(world, { image, channel, variant }, trust)
    if (now === null) continue
    const located = await locateVariant(world, { image, version: now.version, variant })
    if (located === null)
      throw new MintmarkError(
        'VERIFY_FAILED',
        `${image}@${channel} points to ${now.version}, which has no record`,
      )
    const name = `${image}@${located.version} of ${channel}`
    const { predicate } = (await releaseTrustedBy(world, located, trust)).statement
    const stored = await storedScan(world, predicate)
    const added = await withAdvisories(world, trivyDb, async (advisories) => {
      const { database } = advisories.found
      if (database === null || database.sha256 === predicate.scan.database?.sha256) return []
      return (await lookUp(world, advisories, database, { predicate, os: definition.os })).findings
    })
    return { name, findings: [...stored.findings, ...added] }
  }
  return null
}
