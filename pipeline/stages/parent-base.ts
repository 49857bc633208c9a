import { chainOf } from '../core/base-facts.ts'
import { checkAge } from '../core/image-evidence.ts'
import { MintmarkError } from '../errors.ts'
import type { ParentBase } from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { checkArtifact } from './check-artifact.ts'
import { variantAt } from './choose-target.ts'
import { imageNames, loadDefinition } from './load-definition.ts'
import { locateRelease, type Release, releasedImages } from './read-release.ts'
import { takeArtifact } from './take-image.ts'
import { trustedKeys, verifyRelease } from './verify-release.ts'
import { whereInDefinition } from './where-in-definition.ts'

type ParentOf = Extract<Definition['base'], { readonly image: string }>

/** The way that needs no anchor: what this machine alone vouches for. */
const looseChannel = 'nightly'

const howToMake = (image: string, channel: string): string =>
  channel === looseChannel
    ? `./mintmark release ${image}`
    : `name a channel that it has: ./mintmark releases ${image}`

/**
 * Follows the definitions from parent to parent.
 * @throws MintmarkError CONFIG_INVALID with the chain when it comes back to an image
 */
async function refuseLoop(world: World, image: string, base: ParentOf): Promise<void> {
  const known = await imageNames(world)
  const chain = [image]
  let next: string | null = base.image
  while (next !== null) {
    const seen = chain.includes(next)
    chain.push(next)
    if (seen) {
      const where = await whereInDefinition(world, image, ['base', 'image'])
      throw new MintmarkError(
        'CONFIG_INVALID',
        `${where} base.image: ${chain.join(' -> ')} goes in a circle`,
        {
          hint: `one of them has to stand on a publisher's base: base: {from: archive}`,
        },
      )
    }
    // A parent whose definition lives in another checkout was made there: its loops are looked for there.
    if (!known.includes(next)) return
    const definition: Definition = await loadDefinition(world, next)
    next = 'image' in definition.base ? definition.base.image : null
  }
}

/** @throws MintmarkError NOT_FOUND or VERIFY_FAILED */
async function verifiedParent(
  world: World,
  base: ParentOf,
  variant: string,
): Promise<{ readonly release: Release; readonly anchored: boolean }> {
  const { image, channel } = base
  if (!(await releasedImages(world)).includes(image)) {
    throw new MintmarkError('NOT_FOUND', `the parent ${image} has no release in this catalog`, {
      hint: howToMake(image, looseChannel),
      where: { catalog: world.catalog.location },
    })
  }
  if ((await world.catalog.read(`channels/${image}/${channel}/${variant}.json`)) === null) {
    throw new MintmarkError('NOT_FOUND', `the parent ${image} has no channel "${channel}" for ${variant}`, {
      hint: howToMake(image, channel),
      where: { catalog: world.catalog.location },
    })
  }
  const located = await locateRelease(world, `${image}@${channel}`, variant)
  const trust = await trustedKeys(world, null)
  const result = await verifyRelease(world, located, { trust, onlyTrust: false, blobs: false })
  const refuse = (details: readonly string[]): MintmarkError =>
    new MintmarkError('VERIFY_FAILED', `the parent ${image}@${located.version} can't be trusted`, {
      hint: `./mintmark verify ${image}@${located.version}`,
      details,
    })
  if (!result.ok || result.release === null)
    throw refuse(result.links.filter((link) => !link.right).map((link) => `${link.name}: ${link.text}`))
  if (!result.anchored && channel !== looseChannel)
    throw refuse([`signature: only this machine's own key, which is not enough for the channel ${channel}`])
  return { release: result.release, anchored: result.anchored }
}

/**
 * The release that a parent's channel points to, as a base: its record is verified, its image is looked at again, and it is
 * used where it lies, never written to.
 * @throws MintmarkError NOT_FOUND, VERIFY_FAILED, CONFIG_INVALID or BASE_REFUSED
 */
export async function parentBase(
  world: World,
  image: string,
  definition: Definition,
  target: Pick<Target, 'id' | 'arch' | 'unchanged'>,
): Promise<ParentBase> {
  const { base } = definition
  if (!('image' in base)) throw new MintmarkError('INTERNAL', `${image} stands on no image of ours`)
  await refuseLoop(world, image, base)
  const { release, anchored } = await verifiedParent(world, base, variantAt(target))
  const { predicate } = release.statement
  const name = `${release.image}@${release.version}`
  const { os, disk } = definition
  const { distribution, release: osRelease, version } = predicate.base
  const refuse = async (path: readonly string[], what: string, hint: string): Promise<never> => {
    const where = await whereInDefinition(world, image, path)
    throw new MintmarkError('BASE_REFUSED', `${where} ${path.join('.')}: ${what}`, { hint })
  }
  if (distribution !== os.family || osRelease !== os.release) {
    const wanted = `${os.family} ${os.release}`
    await refuse(
      ['base', 'image'],
      `${name} is ${distribution} ${osRelease}, this image is ${wanted}`,
      'make os of both the same',
    )
  }
  const layout = predicate.layout ?? 'simple'
  if (layout !== disk.layout)
    await refuse(
      ['disk', 'layout'],
      `${name} has the layout ${layout}, this image asks for ${disk.layout}`,
      `write disk: {layout: ${layout}}, or change ${base.image}: a disk keeps its file systems`,
    )
  const gib = predicate.artifact.virtualBytes / 2 ** 30
  if (gib > Number.parseInt(disk.size, 10))
    await refuse(
      ['disk', 'size'],
      `${name} has a disk of ${gib} GiB, this image one of ${disk.size}`,
      `write disk: {size: ${Math.ceil(gib)}G}`,
    )
  checkAge(
    {
      what: `the parent ${name}`,
      born: predicate.created,
      maxAge: base.maxAge,
      mend: howToMake(base.image, base.channel),
    },
    world.clock.now(),
  )
  const { sha256 } = predicate.artifact
  const taken = await takeArtifact(world, `the image of the parent ${name}`, predicate.artifact)
  if (taken.format === 'ami')
    await checkArtifact({ world, target }, taken, 'is not the image that was signed')
  const standsOn: ParentBase['disk'] =
    taken.format === 'ami'
      ? taken
      : { path: taken.path, sha256, virtualBytes: taken.virtualBytes, format: 'qcow2' }
  return {
    from: 'parent',
    id: sha256,
    distribution,
    release: osRelease,
    version,
    arch: predicate.arch,
    image: release.image,
    imageVersion: release.version,
    channel: base.channel,
    record: release.record,
    anchored,
    artifact: sha256,
    created: predicate.created,
    ancestry: [...chainOf(predicate.base)],
    disk: standsOn,
  }
}
