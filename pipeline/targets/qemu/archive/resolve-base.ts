import { join } from 'node:path'
import { isFresh } from '../../../core/days.ts'
import { sha256 } from '../../../core/digest.ts'
import { checkDiskLayout, type DiskLayout } from '../../../core/disk-layout.ts'
import { parsedJson } from '../../../core/parsed-json.ts'
import { MintmarkError } from '../../../errors.ts'
import { ArchiveBase, type ArchiveLock, type SeenSuite } from '../../../model/base.ts'
import { ImageInfo } from '../../../model/disk.ts'
import type { World } from '../../../ports/world.ts'
import type { BaseInput } from '../../target.ts'
import { bootstrap, orNoSpace } from './bootstrap.ts'
import { findMirror } from './find-mirror.ts'
import { baseId, epochOf, recipeDigest, scriptPath } from './recipe.ts'
import { scratchParent, sweep, withScratch } from './scratch.ts'
import { toolVersions } from './tool-versions.ts'
import { lookAtSuites, seenIn, type Trust, verifyLists, writeKeyring } from './verify-suites.ts'

const minuteMs = 60_000
const gib = 1024 ** 3
const scratchBytes = 4 * gib
/** The disk has some 0.5 GiB. */
const keptBytes = gib

/** What a bootstrap takes besides the archive; each is a Debian package of the machine. */
const programs = [
  'mmdebstrap',
  'gpgv',
  'fakeroot',
  'mke2fs',
  'debugfs',
  'mkfs.vfat',
  'mcopy',
  'mmd',
  'sfdisk',
  'qemu-img',
] as const

async function needPrograms(world: World): Promise<void> {
  const found = await Promise.all(
    programs.map(async (name) => ({ name, path: await world.exec.which(name) })),
  )
  const missing = found.filter(({ path }) => path === null).map(({ name }) => name)
  if (missing.length > 0)
    throw new MintmarkError('TOOL_MISSING', `not on this machine: ${missing.join(', ')}`)
}

async function needSpace(world: World, path: string, bytes: number): Promise<void> {
  const free = await world.files.freeBytes(path)
  if (free >= bytes) return
  throw new MintmarkError(
    'NO_SPACE',
    `${path} has ${(free / gib).toFixed(1)} GiB free, and a bootstrap needs ${bytes / gib} GiB there`,
    {
      hint: `free some space there, or put scratch elsewhere: export TMPDIR=...; ./mintmark clean shows what mintmark holds`,
      where: { path },
    },
  )
}

/** The base as it lies in the cache, or null when there is none, it is too old, or it is not what was made. */
async function cached(input: BaseInput, folder: string, id: string): Promise<ArchiveBase | null> {
  const { world } = input
  const path = join(folder, 'base.json')
  if ((await world.files.info(path)) === null) return null
  const parsed = ArchiveBase.safeParse(parsedJson(await world.files.readText(path)))
  if (!parsed.success || parsed.data.id !== id) return null
  const base = parsed.data
  const days = Number(input.definition.base.maxAge.slice(0, -1))
  // One of a day to come is no fresh one: then a clock is wrong, now or when it was made.
  if (!isFresh(base.bootstrapped, world.clock.now(), days * 24)) return null
  if (
    base.disk.path !== join(folder, 'disk.qcow2') ||
    (await world.files.info(base.disk.path))?.kind !== 'file'
  )
    return null
  return (await world.files.sha256(base.disk.path)) === base.disk.sha256 ? base : null
}

interface DiskInput {
  readonly world: World
  readonly tar: string
  readonly scratch: string
  readonly to: string
  readonly codename: string
  readonly id: string
  readonly suites: readonly SeenSuite[]
  readonly layout: DiskLayout
}

async function makeDisk({
  world,
  tar,
  scratch,
  to,
  codename,
  id,
  suites,
  layout,
}: DiskInput): Promise<ArchiveBase['disk']> {
  const work = join(scratch, 'disk')
  await world.files.makeFolder(work)
  // Root needs no pretence, which costs as much time as the work itself.
  const asRoot = world.exec.isRoot ? [] : ['fakeroot']
  const script = scriptPath(world, 'make-disk.sh')
  const argv = [...asRoot, 'sh', script, tar, work, to, codename, id, String(epochOf(suites)), layout]
  try {
    await world.exec.run(argv, {
      // In a user namespace of ours root is no user at all, and fakeroot must not even try to give it a file.
      env: { FAKEROOTDONTTRYCHOWN: '1' },
      timeoutMs: 20 * minuteMs,
      leash: 'tree',
    })
  } catch (cause) {
    throw orNoSpace(cause)
  }
  const { stdout } = await world.exec.run(['qemu-img', 'info', '--output=json', to], { timeoutMs: minuteMs })
  const info = ImageInfo.parse(JSON.parse(stdout))
  return {
    path: to,
    sha256: await world.files.sha256(to),
    virtualBytes: info['virtual-size'],
    format: 'qcow2',
  }
}

async function build(
  input: BaseInput,
  lock: ArchiveLock,
  trust: Trust,
  recipe: string,
  seen: readonly SeenSuite[],
  scratch: string,
): Promise<ArchiveBase> {
  const { world, step } = input
  const { bases } = world.places
  step.update(`bootstrapping debian ${lock.release} from the signed archive (about a minute)`)
  const made = await bootstrap({
    world,
    codename: lock.codename,
    mirror: await findMirror(world),
    keyring: trust.keyring,
    folder: scratch,
    suites: seen,
    update: (text) => step.update(`bootstrapping debian ${lock.release}: ${text}`),
  })
  // The archive may have moved since it was looked at: what apt really used is judged again and becomes the record.
  const suites = await verifyLists(trust, made.lists)
  const id = baseId(recipe, suites)
  const folder = join(bases, id)
  const half = join(bases, `${id}.tmp`)
  await world.files.makeFolder(half)
  step.update('writing the disk')
  const disk = await makeDisk({
    world,
    tar: made.tar,
    scratch,
    to: join(half, 'disk.qcow2'),
    codename: lock.codename,
    id,
    suites,
    layout: input.definition.disk.layout,
  })
  const packages = await world.files.readText(made.packages)
  await world.files.write(join(half, 'packages.tsv'), packages)
  const base: ArchiveBase = {
    from: 'archive',
    id,
    distribution: 'debian',
    release: lock.release,
    version: suites.find((suite) => suite.suite === lock.codename)?.version ?? lock.release,
    codename: lock.codename,
    arch: 'x86_64',
    suites: [...suites],
    packages: { count: packages.split('\n').filter((line) => line !== '').length, sha256: sha256(packages) },
    disk: { ...disk, path: join(folder, 'disk.qcow2') },
    bootstrapped: world.clock.now().toISOString(),
    tools: await toolVersions(world),
  }
  await world.files.write(join(half, 'base.json'), `${JSON.stringify(base, null, 2)}\n`)
  // A folder can't be renamed over another: an outdated base of the same id goes first.
  await world.files.remove(folder)
  await world.files.rename(half, folder)
  return base
}

/**
 * The base of an image: checks what the archive holds now against the lock, then takes the disk that was made of the same
 * before, or bootstraps one (about a minute, 4 GiB of scratch in TMPDIR or /var/tmp).
 * @throws MintmarkError CONFIG_INVALID, BASE_REFUSED, PROVIDER_UNREACHABLE, TOOL_MISSING, TOOL_FAILED, NO_SPACE or BUSY
 */
export async function resolveBase(input: BaseInput): Promise<ArchiveBase> {
  const { world, image, lock, step } = input
  if (lock.from !== 'archive')
    throw new MintmarkError('INTERNAL', `a lock from ${lock.from} is none of an archive`)
  checkDiskLayout(image, input.definition)
  await needPrograms(world)
  await world.files.makeFolder(world.places.bases)
  // Two runs at once would bootstrap the same twice: the second waits, and finds the first one's.
  return world.withLock(join(world.places.bases, '.lock'), 40 * minuteMs, async () => {
    await sweep(world)
    return withScratch(world, 'base', async (scratch) => {
      const trust: Trust = { world, image, lock, keyring: join(scratch, 'debian.gpg') }
      await writeKeyring(world, image, lock, trust.keyring)
      step.update('checking the signatures of the archive')
      const seen = seenIn(await lookAtSuites(trust, await findMirror(world), scratch))
      const recipe = await recipeDigest(world, lock, input.definition.disk.layout)
      const id = baseId(recipe, seen)
      const kept = await cached(input, join(world.places.bases, id), id)
      if (kept !== null) return kept
      await needSpace(world, world.places.bases, keptBytes)
      await needSpace(world, scratchParent(world), scratchBytes)
      return build(input, lock, trust, recipe, seen, scratch)
    })
  })
}
