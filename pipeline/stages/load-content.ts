import { basename, dirname, join, relative } from 'node:path'
import { publicKeyring } from '../core/apt-keyring.ts'
import { certificatesIn, hasPrivateKey } from '../core/pem.ts'
import type { LoadedContent, LoadedStep } from '../core/render-content.ts'
import { MintmarkError } from '../errors.ts'
import { type Definition, SourcePath, type Step } from '../model/definition.ts'
import type { World } from '../ports/world.ts'

const mostBytes = 16 * 2 ** 20
/** Of a playbook's folder, and of all that a definition names. */
const mostBytesTogether = 256 * 2 ** 20

/** What is wrong with one file; the loader says where it is named. */
class Unfit extends Error {}

/**
 * The real path of a file below images/, links followed one by one: none may lead out.
 * @throws Unfit
 */
async function resolved({ files }: World, root: string, path: string): Promise<string> {
  let parts = path.split('/')
  let at = root
  for (let links = 0; parts.length > 0; ) {
    const [part = '', ...rest] = parts
    const next = join(at, part)
    const info = await files.info(next)
    if (info === null) throw new Unfit(`images/${path} is not there`)
    if (info.kind !== 'link') {
      at = next
      parts = rest
      continue
    }
    links += 1
    const to = join(at, await files.readLink(next))
    const below = relative(root, to)
    const out = (await files.readLink(next)).startsWith('/') || below === '..' || below.startsWith('../')
    if (out || links > 20) throw new Unfit(`images/${path} is a link that leads out of images/`)
    parts = [...below.split('/').filter((item) => item !== ''), ...rest]
    at = root
  }
  return at
}

async function contentOf(world: World, root: string, path: string): Promise<Uint8Array> {
  const real = await resolved(world, root, path)
  const info = await world.files.info(real)
  if (info?.kind !== 'file')
    throw new Unfit(`images/${path} is ${info?.kind === 'folder' ? 'a folder' : 'no regular file'}`)
  if (info.size > mostBytes)
    throw new Unfit(`images/${path} has ${Math.ceil(info.size / 2 ** 20)} MiB: at most 16 MiB can be taken`)
  return world.files.readBytes(real)
}

/** All files of a folder by their path below it, sorted; names that begin with a dot are left out. */
async function folderFiles(
  world: World,
  root: string,
  folder: string,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  let together = 0
  const walk = async (below: string, depth: number): Promise<void> => {
    if (depth > 20)
      throw new Unfit(`images/${folder} has folders more than 20 deep, or a link that goes round`)
    for (const name of await world.files.list(await resolved(world, root, join(folder, below)))) {
      if (name.startsWith('.')) continue
      const path = join(below, name)
      if (!SourcePath.safeParse(path).success)
        throw new Unfit(`images/${folder}/${path} has a name with more than letters, digits and "._+-"`)
      const whole = join(folder, path)
      const info = await world.files.info(await resolved(world, root, whole))
      if (info?.kind === 'folder') await walk(path, depth + 1)
      else {
        const bytes = await contentOf(world, root, whole)
        if (hasPrivateKey(bytes)) throw new Unfit(`images/${whole} has a private key in it`)
        together += bytes.length
        if (together > mostBytesTogether) throw new Unfit(`images/${folder} has more than 256 MiB`)
        found.set(path, bytes)
      }
    }
  }
  await walk('', 0)
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function loadStep(world: World, root: string, step: Step): Promise<LoadedStep> {
  if ('run' in step) {
    const script = await contentOf(world, root, step.run)
    if (script[0] !== 0x23 || script[1] !== 0x21)
      throw new Unfit(`images/${step.run} does not begin with an interpreter's line, e.g. #!/bin/sh`)
    if (hasPrivateKey(script)) throw new Unfit(`images/${step.run} has a private key in it`)
    return { kind: 'run', script }
  }
  const folder = dirname(step.ansible)
  if (folder === '.')
    throw new Unfit(
      `images/${step.ansible} needs a folder of its own: all of that folder goes into the build`,
    )
  await contentOf(world, root, step.ansible)
  return {
    kind: 'ansible',
    playbook: basename(step.ansible),
    files: await folderFiles(world, root, folder),
  }
}

/**
 * Reads and checks every file that a definition's content names, below images/. All problems at once.
 * @throws MintmarkError CONFIG_INVALID with the field and the file of each problem
 */
export async function loadContent(
  world: World,
  image: string,
  { content }: Definition,
): Promise<LoadedContent> {
  const root = join(world.places.root, 'images')
  const problems: string[] = []

  async function each<T, R>(
    field: (index: number) => string,
    items: readonly T[],
    read: (item: T) => Promise<R>,
  ): Promise<readonly R[]> {
    const results: R[] = []
    for (const [index, item] of items.entries()) {
      try {
        results.push(await read(item))
      } catch (cause) {
        if (!(cause instanceof Unfit)) throw cause
        problems.push(`images/${image}.yaml content.${field(index)}: ${cause.message}`)
      }
    }
    return results
  }

  const keys = await each(
    (index) => `repos.${index}.key`,
    content.repos,
    async ({ key }) => {
      const read = publicKeyring(await contentOf(world, root, key))
      if (typeof read === 'string') throw new Unfit(`images/${key} ${read}`)
      return read.keyring
    },
  )
  const names = new Set<string>()
  const certificates = await each(
    (index) => `certificates.${index}`,
    content.certificates,
    async (path) => {
      const read = certificatesIn(await contentOf(world, root, path))
      if (typeof read === 'string') throw new Unfit(`images/${path} ${read}`)
      const name = basename(path).replace(/\.(?:pem|crt|cer)$/, '')
      if (names.has(name)) throw new Unfit(`images/${path} would overwrite another certificate named ${name}`)
      names.add(name)
      // update-ca-certificates wants one certificate a file.
      return read.map((pem, index) => ({ name: index === 0 ? name : `${name}.${index + 1}`, pem }))
    },
  )
  const files = await each(
    (index) => `files.${index}.from`,
    content.files,
    async ({ from }) => {
      const bytes = await contentOf(world, root, from)
      if (hasPrivateKey(bytes))
        throw new Unfit(`images/${from} has a private key in it: every instance would have the same`)
      return bytes
    },
  )
  const steps = await each(
    (index) => `steps.${index}.${'run' in (content.steps[index] ?? {}) ? 'run' : 'ansible'}`,
    content.steps,
    (step) => loadStep(world, root, step),
  )
  const bytes = [
    ...files,
    ...steps.flatMap((step) => (step.kind === 'run' ? [step.script] : [...step.files.values()])),
  ]
  if (bytes.reduce((sum, item) => sum + item.length, 0) > mostBytesTogether)
    problems.push(`images/${image}.yaml content: the files have more than 256 MiB together`)
  if (problems.length > 0) {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `images/${image}.yaml names ${problems.length} file${problems.length === 1 ? '' : 's'} that can't be taken`,
      { details: problems, where: { file: `images/${image}.yaml` } },
    )
  }
  return { keys, certificates: certificates.flat(), files, steps }
}
