import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where things outside the checkout live (XDG base directories). Absolute paths. */
export interface Places {
  /** The checkout: templates, hardening, scans, images. */
  readonly root: string
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

export function placesFrom(env: Readonly<Record<string, string | undefined>>, root: string): Places {
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
