import { checkAge } from '../../../core/image-evidence.ts'
import { type Publisher, publishers } from '../../../core/publishers.ts'
import { MintmarkError } from '../../../errors.ts'
import type { ImageBase, ImageLock } from '../../../model/base.ts'
import type { BaseInput } from '../../target.ts'
import { checkDisk } from './check-disk.ts'
import { fetchFile } from './fetch-evidence.ts'
import { keepImage } from './keep-image.ts'
import { localPath, needFile } from './local-file.ts'

const downloadMs = 60 * 60_000

/** @throws MintmarkError BASE_REFUSED for a lock that the table of publishers does not stand behind */
function publisherIn(lock: ImageLock, image: string, table: readonly Publisher[]): Publisher {
  const path = `images/${image}.lock.json`
  const refuse = (what: string): MintmarkError =>
    new MintmarkError('BASE_REFUSED', `${path} ${what}`, { hint: `./mintmark base update ${image}` })
  const publisher = table.find((candidate) => candidate.id === lock.publisher)
  if (publisher === undefined) {
    const known = table.map((candidate) => candidate.id).join(', ')
    throw refuse(`names the publisher "${lock.publisher}", which is not known (known are ${known})`)
  }
  if (publisher.refused !== null) throw refuse(`: no pinned key of the publisher: ${publisher.refused}`)
  const { signature, url, name, release, codename, arch } = lock
  if (!publisher.keys.some((key) => key.fingerprint === signature?.fingerprint))
    throw refuse(`was signed by ${signature?.fingerprint ?? 'nobody'}, no pinned key of ${publisher.title}`)
  const { index, name: pattern } = publisher.builds({ release, codename, arch })
  if (!pattern.test(name)) throw refuse(`pins the name "${name}", expected one like ${pattern.source}`)
  if (url === null || !url.startsWith(`${publisher.host}${index}`) || !url.endsWith(`/${name}`))
    throw refuse(`pins the address ${url}, which is not below ${publisher.host}${index}`)
  return publisher
}

/** The file of a definition's own must still be what was pinned, though the cache has a copy of that. */
async function checkFile(input: BaseInput, lock: ImageLock): Promise<string> {
  const { world, image, definition } = input
  const { base } = definition
  const file = 'from' in base && base.from === 'image' ? base.file : undefined
  if (file === undefined)
    throw new MintmarkError(
      'CONFIG_INVALID',
      `images/${image}.lock.json pins the local file ${lock.name}, and images/${image}.yaml names none`,
      { hint: `./mintmark base update ${image}` },
    )
  const path = localPath(world, file)
  await needFile(world, path, image)
  const found = await world.files.sha256(path)
  if (found === lock.sha256) return path
  throw new MintmarkError(
    'BASE_REFUSED',
    `${path} has sha256:${found}, and sha256:${lock.sha256} is pinned`,
    {
      hint: `if the change is meant: ./mintmark base update ${image}`,
    },
  )
}

/**
 * The image that the lock pins, byte for byte: from the cache, its publisher, the mirror, or the definition's own file.
 * @throws MintmarkError BASE_REFUSED, CONFIG_INVALID, PROVIDER_UNREACHABLE, NOT_FOUND, NO_SPACE, BUSY or TOOL_MISSING
 */
export async function resolveImage(input: BaseInput): Promise<ImageBase> {
  const { world, image, definition, lock, step } = input
  if (lock.from !== 'image')
    throw new MintmarkError('INTERNAL', `a lock from ${lock.from} is none of an image`)
  const local = lock.publisher === 'local'
  const publisher = local ? null : publisherIn(lock, image, input.publishers ?? publishers)
  const path = local ? await checkFile(input, lock) : null
  const mend = local
    ? `use a newer file, then ./mintmark base update ${image}`
    : `./mintmark base update ${image}`
  checkAge({ what: lock.name, born: lock.built, maxAge: definition.base.maxAge, mend }, world.clock.now())
  step.update(`taking ${lock.name}`)
  const kept = await keepImage({
    world,
    sha256: lock.sha256,
    name: lock.name,
    fetch: async (to) => {
      if (path !== null) return world.files.copy(path, to)
      step.update(`downloading ${lock.name}`)
      if (publisher === null || lock.url === null) return
      await fetchFile(world, publisher, lock.url, to, {
        timeoutMs: downloadMs,
        hash: `SHA256:${lock.sha256}`,
      })
    },
  })
  const virtualBytes = await checkDisk(world, kept.path, lock.name, definition)
  const { distribution, release, codename, arch, name, url, checksums, signature, built } = lock
  return {
    from: 'image',
    id: lock.sha256,
    distribution,
    release,
    version: `${release}-${built.slice(0, 10).replaceAll('-', '')}`,
    codename,
    arch,
    publisher: lock.publisher,
    name,
    url,
    checksums,
    signature,
    built,
    disk: { path: kept.path, sha256: kept.sha256, virtualBytes, format: 'qcow2' },
  }
}
