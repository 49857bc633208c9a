import { join } from 'node:path'
import { checksumOf, checksumsIn } from '../../../core/checksum-file.ts'
import { checkDates, dayOf, namesInIndex, newestBuild, publisherOf } from '../../../core/image-evidence.ts'
import { type Publisher, publishers } from '../../../core/publishers.ts'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import type { ImageInput, ImageSight } from '../../target.ts'
import { withScratch } from '../archive/scratch.ts'
import { fetchEvidence, fetchFile, placeOfUrl } from './fetch-evidence.ts'

/** What lies in a folder of the publisher's: by its web page, or by the folder itself. Nothing of it is believed yet. */
async function listing(
  world: World,
  publisher: Publisher,
  url: string,
  scratch: string,
): Promise<readonly string[]> {
  const place = placeOfUrl(world, publisher, url)
  if (place.startsWith('/')) {
    if ((await world.files.info(place))?.kind === 'folder') return world.files.list(place)
    throw new MintmarkError('PROVIDER_UNREACHABLE', `there is no folder ${place}`, {
      hint: 'check the folder that MINTMARK_IMAGE_MIRROR names, or unset it',
    })
  }
  const page = join(scratch, 'index.html')
  await fetchFile(world, publisher, url, page)
  return namesInIndex(await world.files.readText(page))
}

/**
 * The newest build that the publisher signed for the definition's release. A mirror can hide newer ones (maxAge is the limit
 * of that), and can't pass an older one off as newer.
 * @throws MintmarkError BASE_REFUSED, PROVIDER_UNREACHABLE or TOOL_MISSING
 */
export async function observeImage(input: ImageInput): Promise<ImageSight> {
  const { world, definition, earlier } = input
  const { family, release } = definition.os
  const publisher = publisherOf({ family, release }, input.publishers ?? publishers)
  const codename = publisher.releases[release] ?? null
  const arch = definition.os.arch[0] ?? 'x86_64'
  const builds = publisher.builds({ release, codename, arch })
  return withScratch(world, 'look', async (scratch) => {
    let folder = `${publisher.host}${builds.index}`
    let date: string | null = null
    if (builds.folder !== null) {
      const build = newestBuild(await listing(world, publisher, folder, scratch), builds.folder)
      if (build === null)
        throw new MintmarkError('BASE_REFUSED', `${folder} has no build of ${family} ${release}`)
      date = builds.folder.exec(build)?.[1] ?? null
      folder = `${folder}${build}/`
    }
    const evidence = await fetchEvidence(world, publisher, folder, scratch, input.keys)
    const names = [...new Set(checksumsIn(evidence.text, publisher.algorithm).map((entry) => entry.name))]
    const candidates = names.filter((name) => builds.name.test(name))
    const name = date === null ? newestBuild(candidates, builds.name) : (candidates[0] ?? null)
    if (name === null || (date !== null && candidates.length > 1)) {
      throw new MintmarkError(
        'BASE_REFUSED',
        `${folder}${publisher.checksums} names ${candidates.length} images of ${family} ${release} for ${arch}, expected one like ${builds.name.source}`,
      )
    }
    const built = dayOf(date ?? builds.name.exec(name)?.[1] ?? '')
    checkDates({ name, built, made: evidence.signature.made }, earlier, world.clock.now())
    return {
      publisher,
      codename,
      name,
      url: `${folder}${name}`,
      digest: checksumOf(evidence.text, publisher.algorithm, name, publisher.checksums),
      checksums: { name: publisher.checksums, sha256: evidence.sha256 },
      signature: evidence.signature,
      built,
    }
  })
}
