import { basename } from 'node:path'
import { checkAge, checkDates } from '../../../core/image-evidence.ts'
import { MintmarkError } from '../../../errors.ts'
import { ImageLock } from '../../../model/base.ts'
import type { ImageInput } from '../../target.ts'
import { checkDisk } from './check-disk.ts'
import { fetchFile } from './fetch-evidence.ts'
import { keepImage } from './keep-image.ts'
import { localPath, needFile } from './local-file.ts'
import { observeImage } from './observe-image.ts'

const downloadMs = 60 * 60_000

/** @throws MintmarkError BASE_REFUSED for what no lock may hold, e.g. a floating name */
function asLock(lock: ImageLock): ImageLock {
  const parsed = ImageLock.safeParse(lock)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new MintmarkError('BASE_REFUSED', `${issue?.path.join('.')} is "${lock.name}": ${issue?.message}`, {
    hint: 'give the file a name of its own, e.g. with its date',
  })
}

async function lockFile(input: ImageInput, file: string): Promise<ImageLock> {
  const { world, image, definition, step } = input
  const path = localPath(world, file)
  await needFile(world, path, image)
  const info = await world.files.info(path)
  const name = basename(path)
  const now = world.clock.now()
  const lock: ImageLock = asLock({
    schema: 1,
    from: 'image',
    publisher: 'local',
    distribution: definition.os.family,
    release: definition.os.release,
    codename: null,
    arch: definition.os.arch[0] ?? 'x86_64',
    name,
    url: null,
    sha256: '0'.repeat(64),
    checksums: null,
    signature: null,
    built: new Date(info?.modifiedMs ?? 0).toISOString(),
    updated: now.toISOString(),
  })
  const { maxAge } = definition.base
  checkAge({ what: name, born: lock.built, maxAge, mend: `use a newer file in images/${image}.yaml` }, now)
  step.update(`reading ${name}`)
  const kept = await keepImage({
    world,
    sha256: await world.files.sha256(path),
    name,
    fetch: (to) => world.files.copy(path, to),
  })
  await checkDisk(world, kept.path, name, definition)
  return { ...lock, sha256: kept.sha256 }
}

/**
 * How a lock pins the definition's image: the publisher's newest build, or the definition's own file. The image is fetched
 * and looked at, so that nothing is pinned that could not be used.
 * @throws MintmarkError BASE_REFUSED, PROVIDER_UNREACHABLE, NOT_FOUND, NO_SPACE, BUSY or TOOL_MISSING
 */
export async function lockImage(input: ImageInput): Promise<ImageLock> {
  const { world, definition, earlier, step } = input
  const { base, os } = definition
  if ('from' in base && base.from === 'image' && base.file !== undefined) return lockFile(input, base.file)
  step.update('checking the signature of the publisher')
  const sight = await observeImage(input)
  const { publisher, name, url, built, digest, checksums, signature } = sight
  const now = world.clock.now()
  checkDates({ name, built, made: signature.made }, earlier, now)
  checkAge(
    {
      what: name,
      born: built,
      maxAge: base.maxAge,
      mend: 'unset MINTMARK_IMAGE_MIRROR, or wait for a newer build of the publisher',
    },
    now,
  )
  step.update(`downloading ${name}`)
  const { algorithm } = publisher
  const kept = await keepImage({
    world,
    sha256: algorithm === 'sha256' ? digest : null,
    name,
    fetch: async (to) => {
      const hash = `${algorithm.toUpperCase()}:${digest}`
      await fetchFile(world, publisher, url, to, { timeoutMs: downloadMs, hash })
      if (algorithm === 'sha256') return
      const { stdout } = await world.exec.run(['sha512sum', '--binary', to], { timeoutMs: 600_000 })
      if (stdout.slice(0, 128) !== digest)
        throw new MintmarkError('BASE_REFUSED', `${name} is not what was signed: its sha512 is another one`)
    },
  })
  await checkDisk(world, kept.path, name, definition)
  return asLock({
    schema: 1,
    from: 'image',
    publisher: publisher.id,
    distribution: os.family,
    release: os.release,
    codename: sight.codename,
    arch: os.arch[0] ?? 'x86_64',
    name,
    url,
    sha256: kept.sha256,
    ...(algorithm === 'sha512' ? { sha512: digest } : {}),
    checksums,
    signature,
    built,
    updated: now.toISOString(),
  })
}
