import { realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { Files } from './files.ts'

/** Where things live: the team's own files, mintmark's own, and what is outside both (XDG base directories). Absolute paths. */
export interface Places {
  /** The team's repository: mintmark.yaml, images, policies, waivers. In a checkout of mintmark it is that checkout. */
  readonly root: string
  /** Where mintmark is: templates, hardening, tools, and the policies that hold where the team has none of that name. */
  readonly installation: string
  /** Definitions that stand for those of images/ below root: of a request that is reviewed. */
  readonly images?: string
  /** The catalog's address: a folder, or s3://bucket/prefix. */
  readonly catalog: string
  /** Blobs that were fetched from a catalog elsewhere, by digest. */
  readonly blobs: string
  /** Private keys; never inside the catalog. */
  readonly keys: string
  /** Built and downloaded tools, by name, version and hash. */
  readonly tools: string
  /** Bootstrapped bases, by key. */
  readonly bases: string
  /** Machines that read disks, by key. */
  readonly helpers: string
  readonly databases: string
  /** What suites have, by the digest of their index. */
  readonly indices: string
  readonly runs: string
}

export function placesFrom(
  env: Readonly<Record<string, string | undefined>>,
  root: string,
  installation: string = root,
): Places {
  const xdg = (name: string, fallback: string): string => {
    const value = env[name]
    // The specification: a relative path is invalid and must be ignored.
    return join(value?.startsWith('/') ? value : join(homedir(), fallback), 'mintmark')
  }
  const data = xdg('XDG_DATA_HOME', '.local/share')
  const cache = xdg('XDG_CACHE_HOME', '.cache')
  const state = xdg('XDG_STATE_HOME', '.local/state')
  return {
    root,
    installation,
    catalog: env['MINTMARK_CATALOG'] || join(data, 'catalog'),
    blobs: join(cache, 'blobs'),
    keys: join(data, 'keys'),
    tools: join(cache, 'tools'),
    bases: join(cache, 'bases'),
    helpers: join(cache, 'helpers'),
    databases: join(cache, 'databases'),
    indices: join(cache, 'indices'),
    runs: join(state, 'runs'),
  }
}

interface Started {
  readonly installation: string
  /** Absolute path of the program that was started. */
  readonly launcher: string
  readonly cwd: () => string
}

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)

/** A folder like /tmp, where each user may put files and nobody may replace another's. */
const isShared = (mode: number): boolean => (mode & 0o1002) === 0o1002

const hasSettings = async (files: Files, folder: string): Promise<boolean> =>
  (await files.info(join(folder, 'mintmark.yaml')))?.kind === 'file'

/**
 * Whether the folder's settings are ours, or the system's: what another user may write is none. Where the program itself is below the
 * folder, who may write there may replace it as well, so that nothing is won by a doubt (a checkout in a container of CI is often
 * somebody else's, or everybody's).
 */
async function isBelieved(
  files: Files,
  folder: string,
  { installation, launcher }: Started,
): Promise<boolean> {
  if (isShared((await files.info(folder))?.mode ?? 0)) return false
  if (isWithin(installation, folder) || isWithin(launcher, folder)) return true
  for (const path of [folder, join(folder, 'mintmark.yaml')]) {
    const { ours, user } = await files.ownership(path)
    if (((await files.info(path))?.mode ?? 0) & 0o002 || !(ours || user === 0)) return false
  }
  return true
}

/** The folder or the nearest above it that has a mintmark.yaml to believe; null without one. */
async function nearestRepository(files: Files, at: string, started: Started): Promise<string | null> {
  for (let folder = at; ; folder = dirname(folder)) {
    if ((await hasSettings(files, folder)) && (await isBelieved(files, folder, started))) return folder
    if (folder === dirname(folder)) return null
  }
}

/** What a checkout has and `npm pack` leaves out. */
const checkoutMark = 'tsconfig.json'

/** A team's launcher lies beside its settings, and not in mintmark, however that is linked. */
async function byTeam(files: Files, { installation, launcher }: Started): Promise<boolean> {
  const real = await realpath(launcher).catch(() => installation)
  return !isWithin(real, installation) && (await hasSettings(files, dirname(real)))
}

/**
 * The team's repository. A checkout of mintmark is its own, unless a team's launcher started it. Installed as a package: the nearest
 * folder with a mintmark.yaml, from the working directory up, else from where the launcher is; without one the working directory.
 * @throws MintmarkError USAGE when that has settings that another user may have written
 */
export async function findRoot(files: Files, started: Started): Promise<string> {
  const { installation, launcher } = started
  const isCheckout = (await files.info(join(installation, checkoutMark)))?.kind === 'file'
  if (isCheckout && !(await byTeam(files, started))) return installation
  const cwd = started.cwd()
  const found =
    (await nearestRepository(files, cwd, started)) ??
    (await nearestRepository(files, dirname(launcher), started))
  if (found !== null) return found
  if (await hasSettings(files, cwd))
    throw new MintmarkError('USAGE', `${cwd}/mintmark.yaml is not read: another user may have written it`, {
      hint: 'run it in a folder that is yours, and that not everybody may write to',
    })
  return cwd
}
