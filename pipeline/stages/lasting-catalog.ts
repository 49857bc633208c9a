import { MintmarkError } from '../errors.ts'
import { isS3Address } from '../model/catalog-address.ts'
import type { World } from '../ports/world.ts'

const catalogHint =
  'name one that stays: catalog: s3://BUCKET/PREFIX in mintmark.yaml, or the variable MINTMARK_CATALOG'

/**
 * In a CI job: what is released has to outlive the machine. A catalog that nobody named would be in the home of a machine that is
 * thrown away; jobs that make one release together, on a machine each, need one that all of them reach. What stays is signed with a
 * key that stays, and that all of them sign with.
 * @param together several jobs work on one release
 * @throws MintmarkError CONFIG_INVALID
 */
export function ensureLasting({ job, env, places }: World, together: boolean): void {
  if (job === undefined) return
  const named = (env['MINTMARK_CATALOG'] ?? '') !== ''
  if (!named)
    throw new MintmarkError(
      'CONFIG_INVALID',
      `no catalog is named, and ${places.catalog} ends with this CI job's machine`,
      { hint: catalogHint },
    )
  if (!job.ephemeral) return
  if (!isS3Address(places.catalog)) {
    // A try: nothing of it is meant to stay.
    if (!together) return
    throw new MintmarkError(
      'CONFIG_INVALID',
      `the catalog ${places.catalog} is a folder of this CI job's machine, which the run's other jobs don't see`,
      { hint: catalogHint },
    )
  }
  const signer = env['MINTMARK_SIGNER'] || 'file'
  if (signer === 'file')
    throw new MintmarkError(
      'CONFIG_INVALID',
      `the signer is "${signer}": each CI job would make a key of its own, which ends with its machine`,
      {
        hint: 'sign by kms:KEY or sigstore: signing in mintmark.yaml, or the variable MINTMARK_SIGNER',
      },
    )
}
