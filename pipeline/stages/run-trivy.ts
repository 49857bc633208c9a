import { join } from 'node:path'
import type { Finished, RunOptions } from '../ports/exec.ts'
import type { Tool } from '../ports/tools.ts'
import type { World } from '../ports/world.ts'
import { scannerFile } from './scanner-files.ts'

/** A scanner with a private folder of its own: nothing of the user's configuration or credentials is seen. */
export interface Scanner {
  readonly tool: Tool
  /** Absolute; everything that a run leaves is below it. */
  readonly work: string
  /** Trivy's cache; `db/` in it holds the database, when there is one. */
  readonly cache: string
  /** Whether Trivy runs without any network (but for the download of a database); false where the kernel forbids that. */
  readonly isolated: boolean
}

/** What every look at the image has in common: no network, no ignore rules, no exit code of its own. */
export const quietScan: readonly string[] = [
  '--exit-code',
  '0',
  '--offline-scan',
  '--skip-db-update',
  '--skip-java-db-update',
  '--skip-vex-repo-update',
  '--disable-telemetry',
  '--skip-version-check',
  '--no-progress',
  '--timeout',
  '30m',
]

/** Makes the private folders; an empty one is Trivy's working folder, since it reads configuration from there. */
export async function prepareScanner(world: World, tool: Tool, work: string): Promise<Scanner> {
  const cache = join(work, 'cache')
  for (const folder of ['cache/db', 'empty', 'home', 'tmp']) {
    await world.files.makeFolder(join(work, folder), { mode: 0o700 })
  }
  await world.files.write(join(work, 'no-ignore-rules'), '')
  const isolated = await world.exec.cutsNetwork()
  if (!isolated)
    world.report.warn(
      'Trivy runs with the network at hand: this machine forbids network namespaces (unshare --net)',
    )
  return { tool, work, cache, isolated }
}

/** A proxy's address may hold a password, and what has no network needs none. */
const noProxy: Readonly<Record<string, string>> = Object.fromEntries(
  ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'].map((name) => [name, '']),
)

/** Environment of a scanner in its private folder, where it finds nobody's configuration or logins. */
export function scannerEnv(work: string, online: boolean): Readonly<Record<string, string>> {
  const home = join(work, 'home')
  return {
    ...(online ? {} : noProxy),
    HOME: home,
    XDG_CACHE_HOME: home,
    XDG_CONFIG_HOME: home,
    XDG_DATA_HOME: home,
    // Registry logins are kept in both.
    XDG_RUNTIME_DIR: home,
    DOCKER_CONFIG: home,
    TMPDIR: join(work, 'tmp'),
  }
}

/**
 * One run of Trivy, without credentials, and without a network unless `online` asks for it. A non-zero exit code means that
 * the tool failed, for findings never change it.
 * @throws MintmarkError TOOL_FAILED, CONFIG_INVALID
 */
export async function runTrivy(
  world: World,
  scanner: Scanner,
  args: readonly string[],
  { online = false, ...options }: RunOptions & { readonly online?: boolean } = {},
): Promise<Finished> {
  return world.exec.run(
    [
      scanner.tool.path,
      ...args,
      '--cache-dir',
      scanner.cache,
      '--config',
      await scannerFile(world, 'scans/trivy.yaml'),
    ],
    {
      cwd: join(scanner.work, 'empty'),
      leash: 'child',
      logTo: join(scanner.work, 'trivy.log'),
      ...options,
      ...(scanner.isolated && !online ? { network: 'none' } : {}),
      env: {
        ...scannerEnv(scanner.work, online),
        ...options.env,
      },
    },
  )
}

export const ignoreNothing = (scanner: Scanner): readonly string[] => [
  '--ignorefile',
  join(scanner.work, 'no-ignore-rules'),
]
