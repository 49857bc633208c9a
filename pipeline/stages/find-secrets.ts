import { join } from 'node:path'
import { isPackageText, readPackages } from '../core/package-files.ts'
import { sourceOfBytecode } from '../core/packaged-secrets.ts'
import {
  type CompiledRule,
  keywordsOf,
  parseSecretRules,
  pathsToRead,
  type RuleHit,
  searchFile,
} from '../core/secret-rules.ts'
import type { PackagedSecret, SecretFinding } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { grepTree, listInTree, notAll, readInTree } from './read-in-tree.ts'
import { scannerFile } from './scanner-files.ts'

const rulesFile = 'scans/secret-rules.yaml'

/** @throws MintmarkError CONFIG_INVALID */
export async function loadSecretRules(world: World): Promise<readonly CompiledRule[]> {
  return parseSecretRules(await world.files.readText(await scannerFile(world, rulesFile)), rulesFile)
}

const doing = 'searched for secrets'

const names = (stdout: string): readonly string[] => stdout.split('\0').filter((name) => name !== '')

/** Regular files of the tree that a rule wants to see; links and devices are not followed. */
async function filesToRead(
  world: World,
  tree: string,
  rules: readonly CompiledRule[],
): Promise<readonly string[]> {
  const listed = await world.exec.run(['find', '.', '-type', 'f', '-printf', String.raw`%P\0`], {
    cwd: tree,
    ok: 'any',
  })
  if (listed.code !== 0) throw notAll(doing, listed.stderr)
  const keywords = keywordsOf(rules).flatMap((keyword) => ['-e', keyword])
  const picked = await grepTree(world, tree, ['-F', ...keywords], doing)
  return [...new Set([...picked, ...pathsToRead(rules, names(listed.stdout))])].sort()
}

async function searched(
  world: World,
  tree: string,
  path: string,
  rules: readonly CompiledRule[],
): Promise<readonly RuleHit[]> {
  // A name that is no UTF-8 did not come back as it is on the disk.
  if ((await world.files.info(join(tree, path)))?.kind !== 'file') throw notAll(doing, `${path}: an odd name`)
  const search = searchFile(rules, path)
  for await (const chunk of world.files.chunks(join(tree, path))) search.push(chunk)
  return search.end()
}

/** Those of the paths whose bytes are what a package delivered. */
async function unchangedPackaged(
  world: World,
  tree: string,
  paths: readonly string[],
  ownRepositories: boolean,
): Promise<ReadonlyMap<string, string>> {
  const texts: Record<string, string> = {}
  for (const folder of ['var/lib/dpkg', 'var/lib/dpkg/info']) {
    for (const path of (await listInTree(world, tree, folder)).map((name) => `${folder}/${name}`)) {
      const text = isPackageText(path) ? await readInTree(world, tree, path) : null
      if (text !== null) texts[path] = text
    }
  }
  const links = ['find', '.', '-maxdepth', '1', '-type', 'l', '-printf', String.raw`%f\0%l\0`]
  const found = names((await world.exec.run(links, { cwd: tree })).stdout)
  const aliases = found.flatMap((path, at) =>
    at % 2 === 0 ? [{ kind: 'link' as const, path, target: found[at + 1] ?? '' }] : [],
  )
  const packages = readPackages(aliases, texts)
  if (packages === null) return new Map()
  const owned = paths.filter((path) => {
    const owner = packages.owners.get(path)
    const trusted = owner !== undefined && (!ownRepositories || packages.distribution.has(owner))
    return trusted && packages.digests.has(path)
  })
  if (owned.length === 0) return new Map()
  const sums = await world.exec.run(['md5sum', '-z', '--', ...owned], { cwd: tree })
  const md5s = new Map(names(sums.stdout).map((row) => [row.slice(34), row.slice(0, 32)]))
  return new Map(
    owned.flatMap((path) => {
      const owner = packages.owners.get(path)
      const same = md5s.get(path) === packages.digests.get(path)
      return same && owner !== undefined ? [[path, owner] as const] : []
    }),
  )
}

interface Found {
  readonly path: string
  readonly hit: RuleHit
}

export interface FoundSecrets {
  readonly secrets: readonly SecretFinding[]
  readonly packaged: readonly PackagedSecret[]
}

/**
 * Looks into every regular file of a tree, also where Trivy never does. A key in a file that is as the distribution's package
 * delivered it is published to everyone: it is told, but apart.
 * @param input.ownRepositories true when packages may be of a team's own, whose keys are no public ones: then only those with a
 * maintainer at the distribution are told apart
 * @throws MintmarkError TOOL_FAILED when a file can't be read
 */
export async function findSecrets(
  world: World,
  input: {
    readonly tree: string
    readonly rules: readonly CompiledRule[]
    readonly ownRepositories: boolean
  },
): Promise<FoundSecrets> {
  const { tree, rules } = input
  const found: Found[] = []
  for (const path of await filesToRead(world, tree, rules)) {
    for (const hit of await searched(world, tree, path, rules)) found.push({ path, hit })
  }
  const paths = [...new Set(found.map(({ path }) => path))]
  const packaged =
    paths.length === 0
      ? new Map<string, string>()
      : await unchangedPackaged(world, tree, paths, input.ownRepositories)
  const ownerOf = ({ path, hit }: Found): string | undefined => {
    // Python writes these at installation: they hold what their source holds, and no package lists them.
    const source = sourceOfBytecode(path)
    const same = found.some((other) => other.path === source && other.hit.rule.id === hit.rule.id)
    return packaged.get(path) ?? (source !== null && same ? packaged.get(source) : undefined)
  }
  return {
    secrets: found
      .filter((item) => ownerOf(item) === undefined)
      .map(({ path, hit: { rule, line } }) => ({
        rule: rule.id,
        path,
        severity: rule.severity,
        by: 'mintmark',
        line,
      })),
    packaged: found.flatMap((item) => {
      const owner = ownerOf(item)
      return owner === undefined ? [] : [{ rule: item.hit.rule.id, path: item.path, package: owner }]
    }),
  }
}
