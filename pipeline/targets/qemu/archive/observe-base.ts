import { join } from 'node:path'
import type { BaseSight, ObserveInput } from '../../target.ts'
import { findMirror } from './find-mirror.ts'
import { withScratch } from './scratch.ts'
import { lookAtSuites, type Trust, writeKeyring } from './verify-suites.ts'

/**
 * What the archive holds now, suite by suite, checked as a build would.
 * @throws MintmarkError PROVIDER_UNREACHABLE or TOOL_MISSING
 */
export async function observeBase(input: ObserveInput): Promise<readonly BaseSight[]> {
  const { world, image, lock } = input
  return withScratch(world, 'look', async (scratch) => {
    const trust: Trust = { world, image, lock, keyring: join(scratch, 'debian.gpg') }
    await writeKeyring(world, image, lock, trust.keyring)
    return lookAtSuites(trust, await findMirror(world), scratch)
  })
}
