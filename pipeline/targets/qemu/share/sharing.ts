import type { PlaceSight } from '../../../core/share-sight.ts'
import { MintmarkError } from '../../../errors.ts'
import { eachPlace } from '../../each-place.ts'
import type { ShareInput, Sharing, SharingPlace } from '../../target.ts'
import { folderSharing } from './folder.ts'
import { ociSharing } from './oci.ts'

const kindOf = (principal: string): SharingPlace =>
  principal.startsWith('oci:') ? ociSharing : folderSharing

/** Whatever keeps us from looking is what is told of the principal; a bug of ours is none of that. */
async function observe(input: ShareInput): Promise<PlaceSight> {
  const { principal } = input
  try {
    return await kindOf(principal).observe(input)
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code === 'INTERRUPTED') throw cause
    const status = cause.code === 'PROVIDER_UNREACHABLE' ? 'unreachable' : 'refused'
    return { principal, status, why: cause.message, hint: cause.hint }
  }
}

/** The local target shares by folders and by OCI registries. */
export const sharing: Sharing = eachPlace({
  observe,
  grant: (input) => kindOf(input.principal).grant(input),
  revoke: (input) => kindOf(input.principal).revoke(input),
})
