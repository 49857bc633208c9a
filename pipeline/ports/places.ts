import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
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

/** A folder like /tmp, where each user may put files: nobody's settings are read from there. */
const isShared = (mode: number): boolean => (mode & 0o1002) === 0o1002

/** The folder or the nearest above it that has a mintmark.yaml; null without one. */
async function nearestRepository(files: Files, from: string): Promise<string | null> {
  for (let at = from; ; at = dirname(at)) {
    const isFile = (await files.info(join(at, 'mintmark.yaml')))?.kind === 'file'
    if (isFile && !isShared((await files.info(at))?.mode ?? 0)) return at
    if (at === dirname(at)) return null
  }
}

/**
 * The team's repository. A checkout of mintmark is its own. Installed as a package: the nearest folder with a mintmark.yaml, from the
 * working directory up, else from where the launcher is; without one the working directory.
 * @param from.launcher absolute path of the program that was started
 */
export async function findRoot(
  files: Files,
  from: { readonly installation: string; readonly launcher: string; readonly cwd: () => string },
): Promise<string> {
  if (!from.installation.split('/').includes('node_modules')) return from.installation
  const cwd = from.cwd()
  return (
    (await nearestRepository(files, cwd)) ?? (await nearestRepository(files, dirname(from.launcher))) ?? cwd
  )
}
