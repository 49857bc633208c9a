import { basename, isAbsolute, join } from 'node:path'
import { digestOf } from '../core/digest.ts'
import { leastSecretBytes, type Secret, secretCore } from '../core/secret-search.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition, SecretSource } from '../model/definition.ts'
import type { World } from '../ports/world.ts'

const mostSecretBytes = 2 ** 20

/** The value, or what is wrong; the value is in no message. */
async function readSource(world: World, source: SecretSource): Promise<Uint8Array | string> {
  if ('env' in source) {
    const value = world.env[source.env] ?? ''
    return value === ''
      ? `the variable ${source.env} is not set; export it before the build`
      : Buffer.from(value)
  }
  const path = isAbsolute(source.file) ? source.file : join(world.places.root, source.file)
  // Followed when it is a link: secret stores hand out links.
  const info = await world.files.info(path)
  if (info === null) return `the file ${path} is not there; write the value into it`
  if (info.kind === 'folder' || info.kind === 'other') return `${path} is no file`
  if (info.size > mostSecretBytes) return `the file ${path} has ${info.size} bytes, more than 1 MiB`
  return world.files.readBytes(path)
}

/**
 * The secrets that the definition's steps name, read from where they are; sorted by name.
 * @throws MintmarkError CONFIG_INVALID that says of each which one it is and how to set it
 */
export async function readSecrets(
  world: World,
  image: string,
  definition: Definition,
): Promise<readonly Secret[]> {
  const names = [...new Set(definition.content.steps.flatMap(({ secrets }) => secrets))].sort()
  const problems: string[] = []
  const secrets: Secret[] = []
  for (const name of names) {
    const source = definition.secrets[name]
    const value = source === undefined ? 'it is not under secrets' : await readSource(world, source)
    const field = `images/${image}.yaml secrets.${name}: `
    if (typeof value === 'string') problems.push(field + value)
    else if (secretCore(value).length < leastSecretBytes)
      problems.push(
        `${field}the value has ${secretCore(value).length} bytes; the absence of less than ${leastSecretBytes} can't be proven`,
      )
    else secrets.push({ name, value })
  }
  if (problems.length === 0) return secrets
  throw new MintmarkError(
    'CONFIG_INVALID',
    `${problems.length} secret${problems.length === 1 ? '' : 's'} of ${image} can't be used`,
    { details: problems, hint: 'nothing was built; set what is missing and run the same command again' },
  )
}

/** Of the folders in memory that hold secrets while a build runs. */
export const secretsPrefix = 'mintmark-secrets-'

/** A folder in memory that only this user can enter. @throws MintmarkError TOOL_FAILED where there is none */
async function memoryFolder(world: World): Promise<string> {
  const candidates = [world.env['XDG_RUNTIME_DIR'] ?? '', '/dev/shm'].filter((path) => path.startsWith('/'))
  for (const path of candidates) {
    if ((await world.files.info(path))?.kind !== 'folder' || !(await world.files.accessible(path))) continue
    const { stdout } = await world.exec.run(['stat', '--file-system', '--format=%T', path], { ok: 'any' })
    if (['tmpfs', 'ramfs'].includes(stdout.trim())) return path
  }
  throw new MintmarkError(
    'TOOL_FAILED',
    `secrets need a folder in memory: neither ${candidates.join(' nor ')} is a tmpfs`,
    { hint: 'mount one: mount -t tmpfs tmpfs /dev/shm' },
  )
}

/**
 * Runs `work` with the path of a private tmpfs folder that holds each secret as a file (0600), and removes it whatever
 * happens. What a killed build of this image left is removed first.
 */
export async function withSecretFiles<T>(
  world: World,
  image: string,
  secrets: readonly Secret[],
  work: (folder: string) => Promise<T>,
): Promise<T> {
  if (secrets.length === 0) return work('')
  const { files } = world
  const parent = await memoryFolder(world)
  const prefix = `${secretsPrefix}${digestOf([world.places.runs, image]).slice(0, 16)}-`
  for (const path of await files.abandoned(parent))
    if (basename(path).startsWith(prefix)) await files.remove(path)
  const folder = await files.tempFolder(prefix, parent)
  try {
    for (const { name, value } of secrets) {
      await files.write(join(folder, basename(name)), value, { mode: 0o600 })
    }
    return await work(folder)
  } finally {
    await files.remove(folder)
  }
}
