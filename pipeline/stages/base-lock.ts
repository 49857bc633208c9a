import { join } from 'node:path'
import { parseYaml } from '../core/parse-yaml.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import { BaseLock, Locks, type TargetLock } from '../model/base.ts'
import type { TargetId } from '../model/ids.ts'
import type { World } from '../ports/world.ts'

type ByTarget = Omit<Locks, 'schema'>

/** What pins a base on that target. */
export type LockOf<T extends TargetId> = NonNullable<ByTarget[T]>

/** From the checkout. */
const lockPath = (image: string): string => `images/${image}.lock.json`

/** A file of schema 1 is the lock of qemu. @throws MintmarkError CONFIG_INVALID */
async function readLocks(world: World, image: string): Promise<ByTarget> {
  const path = lockPath(image)
  const whole = join(world.places.root, path)
  if ((await world.files.info(whole)) === null) return {}
  const text = await world.files.readText(whole)
  const json = parsedJson(text)
  if (typeof json !== 'object' || json === null || !('schema' in json) || json.schema !== 2)
    return { qemu: parseYaml(BaseLock, text, { path }) }
  const { schema: _schema, ...locks } = parseYaml(Locks, text, { path })
  return locks
}

/** The image's lock for that target; null without one. @throws MintmarkError CONFIG_INVALID */
export async function findLock<T extends TargetId>(
  world: World,
  image: string,
  target: T,
): Promise<LockOf<T> | null> {
  return (await readLocks(world, image))[target] ?? null
}

/** The image's lock for that target. @throws MintmarkError LOCK_MISSING or CONFIG_INVALID */
export async function loadLock<T extends TargetId>(
  world: World,
  image: string,
  target: T,
): Promise<LockOf<T>> {
  const locks = await readLocks(world, image)
  const lock = locks[target]
  if (lock !== undefined) return lock
  const path = lockPath(image)
  const others = Object.keys(locks)
  throw others.length === 0
    ? new MintmarkError(
        'LOCK_MISSING',
        `${path} is not there: nothing says what ${image} may be built from`,
        { hint: `./mintmark base update ${image}` },
      )
    : new MintmarkError(
        'LOCK_MISSING',
        `${path} pins a base for ${others.join(', ')}, and none for ${target}`,
        {
          hint: `./mintmark base update ${image} --target ${target}`,
        },
      )
}

/**
 * The image's file of locks and what it would be with these; those of other targets stay. One of qemu alone is a file of schema 1, as
 * it ever was. @throws MintmarkError CONFIG_INVALID
 */
export async function lockFile(
  world: World,
  image: string,
  moved: ReadonlyMap<TargetId, TargetLock>,
): Promise<{ readonly path: string; readonly text: string }> {
  const locks = { ...(await readLocks(world, image)), ...Object.fromEntries(moved) }
  const file = Object.keys(locks).every((id) => id === 'qemu')
    ? locks.qemu
    : Locks.parse({ schema: 2, ...locks })
  return { path: lockPath(image), text: `${JSON.stringify(file, null, 2)}\n` }
}

/** Writes the lock of one target. */
export async function keepLock(
  world: World,
  image: string,
  target: TargetId,
  lock: TargetLock,
): Promise<void> {
  // Another command may write the lock of another target at the same time.
  await world.withLock(join(world.places.runs, image, '.base-lock'), 10_000, async () => {
    const { path, text } = await lockFile(world, image, new Map([[target, lock]]))
    await world.files.write(join(world.places.root, path), text)
  })
}
