import { join } from 'node:path'
import { controlsVerdict } from '../core/boot-facts.ts'
import { hygieneFacts, parseListing, wantedTexts } from '../core/hygiene.ts'
import { parseCheckReport } from '../core/ssh-answers.ts'
import { MintmarkError } from '../errors.ts'
import type { ControlResult } from '../model/hardening.ts'
import type { Fact } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { DiskTree, Target } from '../targets/target.ts'
import { type PlacedFile, placedFilesFact } from './test-content.ts'

export interface HygieneInput {
  readonly world: World
  readonly target: Pick<Target, 'readDisk'>
  readonly disk: string
  /** For the copy of the disk's files; private, removed at the end. */
  readonly folder: string
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
    const tree = await target.readDisk(world, input.disk, folder)
    const listing = await exec.run(['find', tree.root, '-mindepth', '1', '-printf', '%y %s %P\\0'])
    const entries = parseListing(listing.stdout)
    if (entries.length === 0)
      throw new MintmarkError('TOOL_FAILED', `no file could be read from ${input.disk}`)
    const texts: Record<string, string> = {}
    for (const path of wantedTexts(entries)) texts[path] = await files.readText(join(tree.root, path))
    const facts = hygieneFacts({
      entries,
      texts,
      repos: input.repos ?? [],
      buildKeyIn: await filesWithKey(world, tree, input.buildKey),
    })
    const { fact, results } = await sealedControls(input, tree)
    const { placed = [] } = input
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

/** Files that hold the key's own text, whatever its comment; null when there is no key to look for. */
async function filesWithKey(
  world: World,
  { root }: DiskTree,
  keyFile: string,
): Promise<readonly string[] | null> {
  if ((await world.files.info(keyFile)) === null) return null
  const [, key] = (await world.files.readText(keyFile)).trim().split(/\s+/)
  if (key === undefined) return null
  const argv = ['grep', '-rlF', '-D', 'skip', '-e', key, root]
  const { code, stdout, stderr } = await world.exec.run(argv, { ok: [0, 1, 2] })
  if (code === 2 && stdout === '') {
    throw new MintmarkError('TOOL_FAILED', "the image's files could not be searched", {
      details: stderr.split('\n').slice(0, 5),
    })
  }
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((path) => path.slice(root.length).replace(/^\/+/, ''))
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
