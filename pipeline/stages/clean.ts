import { basename, dirname, join, normalize } from 'node:path'
import { digestOf } from '../core/digest.ts'
import { MintmarkError } from '../errors.ts'
import { isS3Address } from '../model/catalog-address.ts'
import { catalogNames } from '../model/catalog-names.ts'
import type { Places } from '../ports/places.ts'
import type { World } from '../ports/world.ts'
import type { Leftover } from '../targets/target.ts'
import { findLeftovers } from './leftovers.ts'

export type CleanScope = 'all' | 'runs'

/** Folders of mintmark's own outside the checkout, with what they are. The catalog is last: see `bytesOf`. */
const held = {
  runs: 'run folders',
  bases: 'bootstrapped bases',
  helpers: 'machines that read disks',
  databases: 'vulnerability databases',
  blobs: 'images fetched from a catalog',
  indices: 'package indices',
  tools: 'tools',
  keys: 'the signing key and other private keys',
  catalog: 'the catalog: every release, its image and its record',
} as const satisfies Partial<Record<keyof Places, string>>
type Held = keyof typeof held

const lockWaitMs = 500

export interface CleanItem {
  readonly what: string
  readonly path: string
  /** Freed on the disk; a file that several folders share is counted once. */
  readonly bytes: number
}

export interface CleanPlan {
  /** Changes when what would be removed changes. */
  readonly id: string
  readonly scope: CleanScope
  readonly items: readonly CleanItem[]
  readonly bytes: number
}

/** @throws MintmarkError USAGE for a place that can't be ours alone */
async function checkPlace(world: World, name: Held): Promise<void> {
  const path = world.places[name]
  const refuse = (why: string): MintmarkError =>
    new MintmarkError('USAGE', `${path} is not removed: ${why}`, {
      hint: 'look at XDG_DATA_HOME, XDG_CACHE_HOME, XDG_STATE_HOME and MINTMARK_CATALOG',
      where: { place: name },
    })
  if (!path.startsWith('/') || normalize(path) !== path) throw refuse('it is no plain absolute path')
  if (path.split('/').filter((part) => part !== '').length < 2) throw refuse('it is too near to the root')
  const around = [world.env['HOME'], world.places.root, world.places.installation, '/usr', '/etc', '/var']
  const holder = around.find((item) => item !== undefined && `${item}/`.startsWith(`${path}/`))
  if (holder !== undefined) throw refuse(`${holder} is in it`)
  if ((await world.files.info(path))?.kind === 'link') throw refuse('it is a link to somewhere else')
  if (name !== 'catalog') {
    if (basename(path) !== name || basename(dirname(path)) !== 'mintmark') {
      throw refuse(`a folder mintmark/${name} is expected`)
    }
    return
  }
  const strange = (await world.files.list(path)).find((item) => !catalogNames.includes(item))
  if (strange !== undefined) throw refuse(`it holds ${strange}, which is no part of a catalog`)
}

/** What of each folder goes; names of run folders and releases are in it, so that a new one changes the plan. */
async function contentsOf(world: World, name: Held): Promise<readonly string[]> {
  const path = world.places[name]
  if (name === 'catalog') {
    return [...(await world.files.list(path)), ...(await world.catalog.list(''))]
  }
  const names: string[] = []
  for (const item of await world.files.list(path)) {
    names.push(item)
    if (name !== 'runs') continue
    for (const inner of await world.files.list(join(path, item)).catch(() => []))
      names.push(`${item}/${inner}`)
  }
  return names
}

/**
 * Bytes on the disk of each path, in order. du counts a file with several names where it meets it first, so what stays
 * has to come before what goes.
 */
async function bytesOf(
  world: World,
  stays: readonly string[],
  goes: readonly string[],
): Promise<readonly number[]> {
  const paths = [...stays, ...goes]
  if (paths.length === 0) return []
  // A file that disappears meanwhile makes du complain; the sizes are for people.
  const { stdout } = await world.exec.run(['du', '-s', '--block-size=1', '--', ...paths], { ok: 'any' })
  const sizes = new Map(
    stdout
      .trim()
      .split('\n')
      .map((line): [string, number] => {
        const [size = '0', ...rest] = line.split('\t')
        return [rest.join('\t'), Number(size)]
      }),
  )
  return goes.map((path) => sizes.get(path) ?? 0)
}

/** What killed runs left outside the folders that go; folders of a run go whole, or stay. */
async function leftOutside(world: World, goes: readonly string[]): Promise<readonly Leftover[]> {
  const left = await findLeftovers(world, [])
  return left.filter(({ path }) => !goes.some((folder) => path.startsWith(`${folder}/`)))
}

/** What `clean` would remove now. @throws MintmarkError USAGE for a place that looks wrong */
export async function planClean(world: World, scope: CleanScope): Promise<CleanPlan> {
  const names = scope === 'all' ? (Object.keys(held) as Held[]) : (['runs'] as const)
  const there: { readonly name: Held; readonly contents: readonly string[] }[] = []
  for (const name of names) {
    // A bucket is the team's, and no place of this machine.
    if (name === 'catalog' && isS3Address(world.places.catalog)) continue
    if ((await world.files.info(world.places[name])) === null) continue
    await checkPlace(world, name)
    there.push({ name, contents: await contentsOf(world, name) })
  }
  const stays = scope === 'runs' && (await world.files.info(world.places.catalog)) !== null
  const folders = there.map((item) => ({ what: held[item.name], path: world.places[item.name] }))
  const left = await leftOutside(
    world,
    folders.map(({ path }) => path),
  )
  const goes = [...folders, ...left.map(({ what, path }) => ({ what, path }))]
  const sizes = await bytesOf(
    world,
    stays ? [world.places.catalog] : [],
    goes.map(({ path }) => path),
  )
  const items = goes.map((item, index) => ({ ...item, bytes: sizes[index] ?? 0 }))
  const contents = there.map((item) => ({ path: world.places[item.name], ...item }))
  return {
    id: digestOf({ scope, there: contents, left: left.map(({ path }) => path) }).slice(0, 12),
    scope,
    items,
    bytes: items.reduce((sum, item) => sum + item.bytes, 0),
  }
}

/** Runs `work` while no release of any image can run. @throws MintmarkError BUSY when one does */
async function whileNothingRuns(world: World, work: () => Promise<void>): Promise<void> {
  const { runs } = world.places
  const locks: string[] = []
  for (const image of await world.files.list(runs)) {
    const lock = join(runs, image, 'lock')
    if ((await world.files.info(lock)) !== null) locks.push(lock)
  }
  const withAll = async (rest: readonly string[]): Promise<void> => {
    const [lock, ...others] = rest
    if (lock === undefined) return work()
    await world.withLock(lock, lockWaitMs, () => withAll(others))
  }
  await withAll(locks)
}

/** Removes a folder that is empty, and leaves it when it is not. */
async function dropWhenEmpty(world: World, path: string): Promise<void> {
  await world.exec.run(['rmdir', '--', path], { ok: 'any' })
}

/**
 * Removes what the plan lists, and the folders named mintmark that are then empty.
 * @throws MintmarkError BUSY while a release runs, CONFLICT when there is something else to remove by now
 */
export async function applyClean(world: World, plan: CleanPlan): Promise<void> {
  const { files, places } = world
  await whileNothingRuns(world, async () => {
    const now = await planClean(world, plan.scope)
    if (now.id !== plan.id) {
      throw new MintmarkError('CONFLICT', `what plan ${plan.id} would remove has changed meanwhile`, {
        hint: 'look at it again: ./mintmark clean',
      })
    }
    const left = new Map((await leftOutside(world, [])).map((item) => [item.path, item]))
    for (const { path } of plan.items) {
      const leftover = left.get(path)
      if (leftover !== undefined) {
        await leftover.remove(path)
        continue
      }
      if (path === places.catalog) {
        for (const name of catalogNames) await files.remove(join(path, name))
        await dropWhenEmpty(world, path)
        continue
      }
      // Go makes the folders of its modules read-only, which only root can remove as they are.
      if (path === places.tools) await world.exec.run(['chmod', '-R', 'u+rwX', '--', path], { ok: 'any' })
      await files.remove(path)
    }
    await dropWhenEmpty(world, join(dirname(places.runs), 'machines'))
    const parents = new Set([dirname(places.runs), ...plan.items.map((item) => dirname(item.path))])
    for (const parent of parents) if (basename(parent) === 'mintmark') await dropWhenEmpty(world, parent)
  })
}
