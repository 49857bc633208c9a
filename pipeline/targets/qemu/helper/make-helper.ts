import { join } from 'node:path'
import * as z from 'zod'
import { isFresh } from '../../../core/days.ts'
import { firstLock } from '../../../core/debian-archive.ts'
import { digestOf } from '../../../core/digest.ts'
import { parsedJson } from '../../../core/parsed-json.ts'
import { SeenSuite } from '../../../model/base.ts'
import { Instant, Sha256 } from '../../../model/ids.ts'
import type { World } from '../../../ports/world.ts'
import { mmdebstrap, takeOut } from '../archive/bootstrap.ts'
import { findMirror } from '../archive/find-mirror.ts'
import { aptOptions } from '../archive/recipe.ts'
import { sweep, withScratch } from '../archive/scratch.ts'
import { type Trust, verifyLists, writeKeyring } from '../archive/verify-suites.ts'

const minuteMs = 60_000
/** Then it is made anew: it parses what strangers wrote, and should have the kernel's newest corrections. */
const keptMs = 90 * 24 * 60 * minuteMs

/** The release whose kernel and tools read the newest file systems. */
const release = '13'

const packages: readonly string[] = [
  'linux-image-cloud-amd64',
  'kmod',
  'base-files',
  'busybox-static',
  'dash',
  'tar',
  'findutils',
  'util-linux',
  'lvm2',
  'e2fsprogs',
  'xfsprogs',
  'btrfs-progs',
]

/** Packages are only unpacked, none of their scripts run, and apt verifies each by the archive's keys. */
const options: readonly string[] = [
  '--mode=unshare',
  '--variant=extract',
  '--format=tar',
  '--architectures=amd64',
  ...aptOptions.map((option) => `--aptopt=${option}`),
  `--include=${packages.join(',')}`,
]

/** What a job runs in. */
export interface Helper {
  readonly kernel: string
  readonly initrd: string
}

/** Written last, beside the two files. */
const HelperRecord = z.strictObject({
  recipe: Sha256,
  made: Instant,
  suites: z.array(SeenSuite),
  kernel: Sha256,
  initrd: Sha256,
})
type HelperRecord = z.infer<typeof HelperRecord>

/** Shell is not compiled: it is used from where it is written. */
export const helperScript = (world: World, name: 'init.sh' | 'pack.sh' | 'read-volumes.sh'): string =>
  join(world.places.installation, 'pipeline/targets/qemu/helper', name)

async function recipeOf(world: World, keys: readonly string[]): Promise<string> {
  return digestOf({
    release,
    options,
    keys,
    init: await world.files.sha256(helperScript(world, 'init.sh')),
    pack: await world.files.sha256(helperScript(world, 'pack.sh')),
  })
}

const filesOf = (folder: string): Helper => ({
  kernel: join(folder, 'kernel'),
  initrd: join(folder, 'initrd'),
})

async function kept(world: World, folder: string, recipe: string): Promise<Helper | null> {
  const path = join(folder, 'helper.json')
  if ((await world.files.info(path)) === null) return null
  const { data: record } = HelperRecord.safeParse(parsedJson(await world.files.readText(path)))
  if (record === undefined || record.recipe !== recipe) return null
  if (!isFresh(record.made, world.clock.now(), keptMs / 3_600_000)) return null
  const helper = filesOf(folder)
  for (const name of ['kernel', 'initrd'] as const) {
    if ((await world.files.info(helper[name]))?.kind !== 'file') return null
    if ((await world.files.sha256(helper[name])) !== record[name]) return null
  }
  return helper
}

async function make(world: World, recipe: string, scratch: string): Promise<Helper> {
  const { files } = world
  const lock = firstLock(release, world.clock.now())
  const trust: Trust = { world, image: `debian-${release}`, lock, keyring: join(scratch, 'debian.gpg') }
  await writeKeyring(world, trust.image, lock, trust.keyring)
  // From the checkout, which may be in a private home, to where root of the user namespace can read it.
  for (const name of ['init.sh', 'pack.sh'] as const) {
    await files.write(join(scratch, name), await files.readText(helperScript(world, name)), { mode: 0o755 })
  }
  const tar = await mmdebstrap({
    world,
    codename: lock.codename,
    mirror: await findMirror(world),
    keyring: trust.keyring,
    folder: scratch,
    options: [...options, `--extract-hook=${join(scratch, 'pack.sh')}`],
    onLine: () => undefined,
  })
  await takeOut(world, tar, scratch, ['./.mintmark'])
  const made = join(scratch, '.mintmark')
  const suites = await verifyLists(trust, join(made, 'lists'))
  const folder = join(world.places.helpers, recipe)
  const half = `${folder}.tmp`
  const from = filesOf(made)
  const to = filesOf(half)
  await files.copy(from.kernel, to.kernel)
  await files.copy(from.initrd, to.initrd)
  const record: HelperRecord = {
    recipe,
    made: world.clock.now().toISOString(),
    suites: [...suites],
    kernel: await files.sha256(to.kernel),
    initrd: await files.sha256(to.initrd),
  }
  await files.write(join(half, 'helper.json'), `${JSON.stringify(record, null, 2)}\n`)
  await files.remove(folder)
  await files.rename(half, folder)
  return filesOf(folder)
}

/** Other recipes' may be another checkout's: they go with their time. */
async function dropOld(world: World): Promise<void> {
  const { helpers } = world.places
  const oldest = world.clock.now().getTime() - keptMs
  for (const name of await world.files.list(helpers)) {
    const info = await world.files.info(join(helpers, name, 'helper.json'))
    if (info !== null && info.modifiedMs < oldest) await world.files.remove(join(helpers, name))
  }
}

/**
 * Kernel and root of the helper machine: from the cache, else made from Debian's signed archive (half a minute, some
 * 500 MB of scratch in TMPDIR or /var/tmp).
 * @throws MintmarkError TOOL_MISSING, TOOL_FAILED, PROVIDER_UNREACHABLE, BASE_REFUSED (the archive), NO_SPACE or BUSY
 */
export async function helperMachine(world: World): Promise<Helper> {
  const { helpers } = world.places
  await world.files.makeFolder(helpers)
  return world.withLock(join(helpers, '.lock'), 20 * minuteMs, async () => {
    await sweep(world, 'helper')
    const { keys } = firstLock(release, world.clock.now())
    const recipe = await recipeOf(world, keys.map((key) => key.fingerprint).sort())
    const found = await kept(world, join(helpers, recipe), recipe)
    if (found !== null) return found
    await dropOld(world)
    world.report.note('making the machine that reads XFS, btrfs and LVM (half a minute, once)')
    return withScratch(world, 'helper', (scratch) => make(world, recipe, scratch))
  })
}
