import { join } from 'node:path'
import { dayMs } from '../../../core/days.ts'
import {
  type IndexFile,
  indexFilesOf,
  type PackagesIndex,
  parseIndex,
  parsePackagesFile,
  renderIndex,
} from '../../../core/packages-file.ts'
import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import { download } from './verify-suites.ts'

/** Debian's biggest index has 55 MB; nothing near this is an index. */
const mostBytes = 512 * 2 ** 20
const keptMs = 14 * dayMs

const unpackers: Readonly<Record<string, readonly string[]>> = {
  '.xz': ['xz', '--decompress', '--force', '--memlimit-decompress=256MiB'],
  '.gz': ['gzip', '--decompress', '--force'],
}

export interface IndexInput {
  readonly world: World
  /** Base URL of the archive. */
  readonly url: string
  readonly suite: string
  readonly component: string
  /** What the verified Release file says of its files. */
  readonly hashes: ReadonlyMap<string, IndexFile>
  /** An existing folder for what is on the way. */
  readonly scratch: string
}

async function check(world: World, path: string, expected: IndexFile, suite: string): Promise<void> {
  const info = await world.files.info(path)
  const found = info?.size === expected.size ? await world.files.sha256(path) : null
  if (found === expected.sha256) return
  throw new MintmarkError(
    'PROVIDER_UNREACHABLE',
    found === null
      ? `${expected.path} of ${suite} has ${info?.size ?? 0} bytes, its Release file says ${expected.size}`
      : `${expected.path} of ${suite} has sha256:${found}, its Release file says ${expected.sha256}`,
    { hint: 'the mirror is about to be updated or broken: run the same command again' },
  )
}

async function fetchIndex(input: IndexInput): Promise<PackagesIndex> {
  const { world, url, suite, component, scratch } = input
  const { served, plain, compression } = indexFilesOf(input.hashes, suite, component)
  const biggest = Math.max(served.size, plain?.size ?? mostBytes)
  if (biggest > mostBytes)
    throw new MintmarkError('PROVIDER_UNREACHABLE', `${served.path} of ${suite} is of ${biggest} bytes`)
  const path = join(scratch, served.sha256)
  const packed = `${path}${compression}`
  const below = `${url}/dists/${suite}`
  const folder = served.path.slice(0, served.path.lastIndexOf('/'))
  try {
    await download(world, `${below}/${folder}/by-hash/SHA256/${served.sha256}`, packed)
  } catch (cause) {
    // Not every archive keeps its files by their hash.
    if (!(cause instanceof MintmarkError) || cause.code !== 'PROVIDER_UNREACHABLE') throw cause
    await download(world, `${below}/${served.path}`, packed)
  }
  await check(world, packed, served, suite)
  const unpack = unpackers[compression]
  if (unpack !== undefined) {
    // What comes out can't be larger than what the Release file says.
    const limit = ['prlimit', `--fsize=${plain?.size ?? mostBytes}`]
    await world.exec.run([...limit, ...unpack, packed], { leash: 'child', timeoutMs: 120_000 })
    if (plain !== null) await check(world, path, plain, suite)
  }
  return parsePackagesFile(await world.files.readText(path))
}

/** What a component of a suite has: as it was kept when the Release file still names the same index, else fetched. */
export async function suiteIndex(input: IndexInput): Promise<PackagesIndex> {
  const { world } = input
  const { served } = indexFilesOf(input.hashes, input.suite, input.component)
  const path = join(world.places.indices, `${served.sha256}.tsv`)
  if ((await world.files.info(path)) !== null) {
    const kept = parseIndex(await world.files.readText(path))
    if (kept !== null) return kept
  }
  const index = await fetchIndex(input)
  await world.files.write(path, renderIndex(index))
  await dropOld(world)
  return index
}

async function dropOld(world: World): Promise<void> {
  const oldest = world.clock.now().getTime() - keptMs
  for (const name of await world.files.list(world.places.indices)) {
    const path = join(world.places.indices, name)
    const info = await world.files.info(path)
    if (name.endsWith('.tsv') && info !== null && info.modifiedMs < oldest) await world.files.remove(path)
  }
}
