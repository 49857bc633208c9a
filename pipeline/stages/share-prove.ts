import { regionalImages } from '../core/regional-copies.ts'
import { sharedImage } from '../core/shared-image.ts'
import { variantOf } from '../core/statement.ts'
import { namedTargets } from '../core/variants.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import type { Proof } from '../targets/target.ts'
import { targetOf } from './choose-target.ts'
import { trustedEvents } from './events.ts'
import { loadDefinition } from './load-definition.ts'
import { locateRelease, openRecord, type Release } from './read-release.ts'
import { trustedKeys } from './verify-release.ts'

export interface ShareProof {
  readonly image: string
  readonly version: string
  readonly role: string
  readonly proofs: readonly (Proof & {
    readonly variant: string
    /** All that the role is to be able to do, it can. */
    readonly ok: boolean
  })[]
}

export interface ProveQuery {
  /** A release, as all verbs name one. */
  readonly ref: string
  readonly role: string
  /** Null for all of the definition. */
  readonly region: string | null
  readonly subnet: string | null
  readonly update: (text: string) => void
}

const account = /^arn:aws[a-z-]*:iam::(\d{12}):role\/[\w+=,.@/-]+$/

/** What the reference means for each of these variants that has it. @throws MintmarkError NOT_FOUND when none has */
async function releasesOf(
  world: World,
  ref: string,
  variants: readonly string[],
): Promise<readonly Release[]> {
  const found: Release[] = []
  let last: MintmarkError | null = null
  for (const variant of variants) {
    try {
      found.push(openRecord(await locateRelease(world, ref, variant)))
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code !== 'NOT_FOUND') throw cause
      last = cause
    }
  }
  if (found.length === 0 && last !== null) throw last
  return found
}

/**
 * What somebody who gets a release really can do with it, by their own role. Copying is only asked of accounts that are named
 * themselves: what is shared with an organization can't be copied from it.
 * @throws MintmarkError USAGE for a role that is none or an image that nobody takes from us so, NOT_FOUND, CHAIN_BROKEN, VERIFY_FAILED,
 * PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function proveShares(world: World, query: ProveQuery): Promise<ShareProof> {
  const { ref, role, region, subnet, update } = query
  const [, consumer] = account.exec(role) ?? []
  if (consumer === undefined)
    throw new MintmarkError('USAGE', `the role is "${role}"`, {
      hint: 'give the ARN of a role: --role arn:aws:iam::123456789012:role/launcher',
    })
  if (subnet !== null && region === null)
    throw new MintmarkError('USAGE', `--subnet ${subnet} is in one region, and all of them are asked`, {
      hint: `name it: --region eu-west-1 --subnet ${subnet}`,
    })
  const [image = ref] = ref.split('@')
  const definition = await loadDefinition(world, image)
  const target = namedTargets(definition)
    .map((id) => targetOf(id))
    .find(({ sharing }) => sharing.prove !== null)
  if (target === undefined || target.sharing.prove === null)
    throw new MintmarkError('USAGE', `images/${image}.yaml names no target whose images a role can look at`, {
      hint: './mintmark share plan shows who has what',
    })
  const { prove } = target.sharing
  const releases = await releasesOf(
    world,
    ref,
    definition.os.arch.map((arch) => variantOf({ target: target.id, arch })),
  )
  const trust = { trust: await trustedKeys(world, null), onlyTrust: false }
  const isNamed = Object.values(definition.channels).some(({ share }) =>
    Object.values(share).flat().includes(`account:${consumer}`),
  )
  const proofs: ShareProof['proofs'][number][] = []
  for (const release of releases) {
    const { predicate } = release.statement
    const events = (await trustedEvents(world, release, trust)).map(({ event }) => event)
    const asked = { world, definition, role, region, subnet, update }
    const found = await prove({
      ...asked,
      release: sharedImage(predicate, release.record),
      images: regionalImages(predicate.artifact, events),
    })
    proofs.push(
      ...found.map((proof) => ({
        ...proof,
        variant: release.variant,
        ok:
          proof.visible?.yes === true &&
          proof.launchable?.yes === true &&
          proof.key?.yes === true &&
          (proof.copyable?.yes === true || !isNamed),
      })),
    )
  }
  return { image, version: releases[0]?.version ?? '', role, proofs }
}
