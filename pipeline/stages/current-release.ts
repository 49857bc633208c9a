import type { CurrentRelease } from '../core/emergency.ts'
import { variantOf } from '../core/statement.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { locateRelease } from './read-release.ts'
import { storedScan } from './read-reports.ts'
import { scanAgain } from './scan-again.ts'
import { trustedKeys, verifyRelease } from './verify-release.ts'

/** What people run: stable where there is one. */
const channels = ['stable', 'nightly'] as const

/**
 * The channel's current release with every finding of its own scan and those that today's database adds; null without any.
 * @throws MintmarkError VERIFY_FAILED when its record can't be trusted, or as scanAgain does
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
  const variant = variantOf({ target: target.id, arch: target.arch })
  for (const channel of channels) {
    if ((await world.catalog.read(`channels/${image}/${channel}/${variant}.json`)) === null) continue
    const located = await locateRelease(world, `${image}@${channel}`)
    const name = `${image}@${located.version} of ${channel}`
    const trust = await trustedKeys(world, null)
    const { release, links } = await verifyRelease(world, located, { trust, onlyTrust: false, blobs: false })
    const wrong = links.filter((link) => !link.right).map((link) => link.text)
    if (release === null || wrong.length > 0)
      throw new MintmarkError('VERIFY_FAILED', `the record of ${name} can't be trusted: ${wrong.join('; ')}`)
    const { predicate } = release.statement
    const stored = await storedScan(world, predicate)
    const again = await scanAgain(world, { predicate, os: definition.os, trivyDb })
    const added = 'scan' in again ? again.scan.findings : []
    return { name, findings: [...stored.findings, ...added] }
  }
  return null
}
