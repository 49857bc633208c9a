import { join } from 'node:path'
import { nameOfArtifact } from '../core/artifact.ts'
import { controlsVerdict } from '../core/boot-facts.ts'
import { hygieneFacts, wantedTexts } from '../core/hygiene.ts'
import { type Entry, listingFormat, parseListing } from '../core/hygiene-disk.ts'
import { type PackageFiles, readPackages, wantedDigests } from '../core/package-files.ts'
import { rpmFileQuery } from '../core/rpm-files.ts'
import { parseCheckReport } from '../core/ssh-answers.ts'
import { MintmarkError } from '../errors.ts'
import type { ArtifactPlace } from '../model/artifact.ts'
import type { ControlResult } from '../model/hardening.ts'
import type { Fact } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { DiskTree, Target } from '../targets/target.ts'
import { grepTree } from './read-in-tree.ts'
import { askRpm } from './rpm-database.ts'
import { type PlacedFile, placedFilesFact } from './test-content.ts'

export interface HygieneInput {
  readonly world: World
  readonly target: Pick<Target, 'readDisk'>
  readonly artifact: ArtifactPlace
  /** For the copy of the disk's files; private, removed at the end. */
  readonly folder: string
  /** As `DiskInput.keep`. */
  readonly keep?: string
  /** Path of the build's public key; it need not be there. */
  readonly buildKey: string
  /** Path of the rendered mintmark-check. */
  readonly check: string
  readonly excepted: readonly string[]
  /** Addresses of the definition's own repositories. */
  readonly repos?: readonly string[]
  /** The definition's own files. */
  readonly placed?: readonly PlacedFile[]
}

export interface SealedSeen {
  readonly facts: readonly Fact[]
  readonly results: readonly ControlResult[]
  /** Of the definition's own files: those that are not what it says any more. */
  readonly changed: readonly string[]
}

/**
 * Reads the artifact's own file systems, offline: what an instance would inherit before its first boot.
 * @throws MintmarkError when the disk can't be read
 */
export async function lookAtDisk(input: HygieneInput): Promise<SealedSeen> {
  const { world, target, folder } = input
  const { exec, files } = world
  await dropTree(world, folder)
  await files.makeFolder(folder, { mode: 0o700 })
  try {
    const { artifact, keep } = input
    const kept = keep === undefined ? {} : { keep }
    const tree = await target.readDisk({ world, artifact, into: folder, ...kept })
    const find = [...(tree.asOwned ?? []), 'find', tree.root, '-printf', listingFormat]
    const entries = parseListing((await exec.run(find)).stdout)
    // The first is the root folder itself.
    if (entries.length <= 1)
      throw new MintmarkError('TOOL_FAILED', `no file could be read from ${nameOfArtifact(input.artifact)}`)
    const read = await textsOf(world, tree, wantedTexts(entries))
    const isDebians = (read['var/lib/dpkg/status'] ?? '') !== ''
    const books = isDebians ? null : await askRpm(world, tree.root, rpmFileQuery, tree.asOwned)
    const texts = books === null ? read : { ...read, [books.database]: books.text }
    const packages = readPackages(entries, texts)
    const placed = input.placed ?? []
    const facts = hygieneFacts({
      entries,
      texts,
      packages,
      digests: packages === null ? new Map() : await digestsOf(world, tree, entries, packages),
      privateKeysIn: await grepTree(
        world,
        tree.root,
        ['-E', '-e', '^-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----.?$'],
        'searched',
      ),
      buildKeyIn: await filesWithKey(world, tree, input.buildKey),
      repos: input.repos ?? [],
      placed: placed.map(({ to }) => to),
      excepted: input.excepted,
    })
    const { fact, results } = await sealedControls(input, tree)
    const content = await placedFilesFact(world, tree.root, placed)
    const own = placed.length === 0 ? [] : [content.fact]
    return { facts: [...facts, ...own, fact], results, changed: content.changed }
  } finally {
    await dropTree(world, folder)
  }
}

/** An ordinary user can't empty folders that the image has made read-only. */
async function dropTree(world: World, folder: string): Promise<void> {
  if (!world.exec.isRoot && (await world.files.info(folder)) !== null) {
    await world.exec.run(['chmod', '-R', 'u+rwX', folder], { ok: 'any' })
  }
  await world.files.remove(folder)
}

async function textsOf(
  { files }: World,
  { root }: DiskTree,
  paths: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const texts: Record<string, string> = {}
  for (const path of paths) {
    const place = join(root, path)
    // A name that is no UTF-8 did not come back as it is on the disk.
    if ((await files.info(place))?.kind !== 'file')
      throw new MintmarkError('TOOL_FAILED', `the image has a file whose name can't be read: /${path}`)
    texts[path] = await files.readText(place)
  }
  return texts
}

/** Digests of the files that the package manager knows; one process for thousands. */
async function digestsOf(
  { exec }: World,
  { root }: DiskTree,
  entries: readonly Entry[],
  packages: PackageFiles,
): Promise<ReadonlyMap<string, string>> {
  const wanted = wantedDigests(entries, packages)
  // By names relative to the root: no folder of ours has to be cut off. What can't be read is missing, which is a fact.
  const { stdout } = await exec.run(['xargs', '-0', '-r', `${packages.algorithm}sum`, '--zero', '--'], {
    cwd: root,
    input: wanted.map((path) => `./${path}\0`).join(''),
    ok: 'any',
  })
  return new Map(
    stdout.split('\0').flatMap((line) => {
      const [, digest, path] = /^([0-9a-f]+) [ *]\.\/([\s\S]+)$/.exec(line) ?? []
      return digest === undefined || path === undefined ? [] : [[path, digest] as const]
    }),
  )
}

/** Files that hold the key's own text, whatever its comment; null when there is no key to look for. */
async function filesWithKey(
  world: World,
  tree: DiskTree,
  keyFile: string,
): Promise<readonly string[] | null> {
  if ((await world.files.info(keyFile)) === null) return null
  const [, key] = (await world.files.readText(keyFile)).trim().split(/\s+/)
  return key === undefined ? null : grepTree(world, tree.root, ['-F', '-e', key], 'searched')
}

async function sealedControls(
  { world, check, excepted }: HygieneInput,
  tree: DiskTree,
): Promise<{ readonly fact: Fact; readonly results: readonly ControlResult[] }> {
  const base = {
    id: 'controls-hold-sealed',
    title: 'the controls hold in the image itself',
    expected: 'no control fails',
  }
  if ((await world.files.info(check)) === null) {
    return { fact: { ...base, status: 'unknown', found: 'the bundle has no mintmark-check' }, results: [] }
  }
  const argv = [...(tree.asOwned ?? []), 'sh', check, '--json', '--root', tree.root]
  const { stdout, stderr } = await world.exec.run(argv, { ok: 'any', timeoutMs: 300_000 })
  const report = parseCheckReport(stdout)
  const verdict = controlsVerdict(report, excepted)
  const found =
    report === null ? `${verdict.found}: ${stderr.trim().split('\n').at(-1) ?? ''}` : verdict.found
  return { fact: { ...base, status: verdict.status, found }, results: report?.results ?? [] }
}
