import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import { isValidOn } from './check-signature.ts'
import { whyUnanchored } from './events.ts'
import { trustedKeys } from './verify-release.ts'

const printed = './mintmark verify --print-key prints the entry'

/**
 * Before a build: that its record can be signed, and that it will be trusted where nothing but trust.yaml decides that: for a job's
 * identity, and for a key that trust.yaml names.
 * @throws MintmarkError TOOL_REFUSED, CONFIG_INVALID or PROVIDER_UNREACHABLE
 */
export async function signerReady(world: World): Promise<void> {
  const { keys, clock } = world
  await keys.ready()
  const trust = await trustedKeys(world, null)
  const refuse = (why: string, hint: string): MintmarkError =>
    new MintmarkError('TOOL_REFUSED', `nobody could verify what is signed here: ${why}`, { hint })
  if (keys.kind === 'sigstore') {
    const why = await whyUnanchored(world, { trust, onlyTrust: true })
    if (why !== null) throw refuse(why, `add the identity to scans/policies/trust.yaml: ${printed}`)
    return
  }
  const own = await keys.existing()
  const listed = trust.find((signer) => signer.kind === 'key' && signer.keyid === own?.keyid)
  if (listed === undefined || isValidOn(listed, clock.now().toISOString().slice(0, 10))) return
  const state =
    listed.kind === 'key' && listed.revoked
      ? 'is revoked'
      : `is trusted from ${listed.from} to ${listed.until}`
  throw refuse(
    `the key of ${listed.name} ${state}`,
    keys.kind === 'kms'
      ? `change its days in scans/policies/trust.yaml, or sign by another key: MINTMARK_SIGNER`
      : `move signing.pem of ${world.places.keys} away and add the new key to scans/policies/trust.yaml: ${printed}`,
  )
}
