import { basename, dirname, join, resolve } from 'node:path'
import { checkDefinition } from '../core/check-definition.ts'
import { unique } from '../core/lists.ts'
import { type NewImage, newDefinition } from '../core/new-definition.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { showValue } from '../core/show-value.ts'
import { integrityOf, OwnLock, OwnPackage, type Tarball } from '../core/team-lock.ts'
import { type NewRepo, type TeamFile, teamFiles, teamSchemas, templatesOf } from '../core/team-repo.ts'
import { MintmarkError } from '../errors.ts'
import { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import { ownVersion } from './own-version.ts'
import { ownWorkflows, workflowsFolder } from './own-workflows.ts'

export interface RepoInput {
  readonly folder: string
  /** The tarball of mintmark: an https address or a file. */
  readonly from: string
  readonly image: NewImage
  readonly repo: NewRepo
}

const isAddress = (from: string): boolean => /^[a-z][a-z+.-]*:\/\//i.test(from)

async function bytesOf({ files, fetch, signal }: World, from: string): Promise<Uint8Array> {
  if (isAddress(from)) {
    // What npm would keep of it is in the lock file, for everybody to read.
    if (!/^https:\/\/[^\s@?#]+\.tgz$/.test(from))
      throw new MintmarkError(
        'USAGE',
        `--from is ${showValue(from)}: expected an https address that ends with .tgz, without credentials and query`,
        { hint: 'download it, and give the file' },
      )
    return fetch(from, { timeoutMs: 120_000, signal })
  }
  if ((await files.info(from))?.kind === 'file') return files.readBytes(from)
  throw new MintmarkError('USAGE', `--from is ${showValue(from)}: there is no such file`, {
    hint: 'give the tarball of a release, by its https address or as a file; `npm pack` in a checkout makes one',
  })
}

/** What the tarball says it is, and what it was tested with. @throws MintmarkError USAGE for one that is no mintmark */
async function readTarball(world: World, from: string, bytes: Uint8Array): Promise<Omit<Tarball, 'spec'>> {
  const { files, exec } = world
  const work = await files.tempFolder('mintmark-tarball-')
  try {
    const path = join(work, 'mintmark.tgz')
    await files.write(path, bytes)
    const member = async (name: string): Promise<unknown> => {
      const { code, stdout } = await exec.run(['tar', '-xzOf', path, `package/${name}`], { ok: 'any' })
      return code === 0 ? parsedJson(stdout) : null
    }
    const about = OwnPackage.safeParse(await member('package.json'))
    const lock = OwnLock.safeParse(await member('dist/package-lock.json'))
    if (about.success && lock.success)
      return { integrity: integrityOf(bytes), package: about.data, lock: lock.data }
  } finally {
    await files.remove(work)
  }
  throw new MintmarkError('USAGE', `--from is ${showValue(from)}: that is no tarball of mintmark`, {
    hint: '`npm pack` in a checkout makes one; so does each release',
  })
}

/** @throws MintmarkError USAGE for another version than ours: its workflows and settings may differ from those that we would write */
async function ensureOwn(world: World, from: string, { version }: OwnPackage): Promise<void> {
  const own = await ownVersion(world)
  if (version === own) return
  throw new MintmarkError('USAGE', `--from is mintmark ${version}, and this is ${own}`, {
    hint: `let that one write it: npx --package=${from} mintmark init --repo ...`,
  })
}

type State = 'same' | 'missing' | 'different'

async function stateOf({ files }: World, folder: string, { path, content }: TeamFile): Promise<State> {
  const whole = join(folder, path)
  const info = await files.info(whole)
  if (info === null) return 'missing'
  if (info.kind !== 'file') return 'different'
  return Buffer.from(content).equals(await files.readBytes(whole)) ? 'same' : 'different'
}

/** What a killed one was writing. */
async function dropHalf({ files }: World, folder: string, all: readonly TeamFile[]): Promise<void> {
  for (const at of unique(all.map(({ path }) => join(folder, dirname(path)))))
    if ((await files.info(at))?.kind === 'folder')
      for (const path of await files.abandoned(at)) await files.remove(path)
}

/** Folders that files come into, below the repository; the repository itself is ''. */
function foldersOf(all: readonly TeamFile[]): readonly string[] {
  const above = (path: string): readonly string[] => {
    const folder = dirname(path)
    return folder === '.' ? [''] : [...above(folder), folder]
  }
  return unique(all.flatMap(({ path }) => above(path)))
}

/** Nothing is written, or cleared away, where a link leads. @throws MintmarkError USAGE */
async function ensurePlainFolders({ files }: World, folder: string, all: readonly TeamFile[]): Promise<void> {
  for (const path of foldersOf(all).map((below) => join(folder, below))) {
    const info = await files.info(path)
    if (info !== null && info.kind !== 'folder')
      throw new MintmarkError('USAGE', `${path} is a ${info.kind}, and no folder`, {
        hint: `move ${path} away, or choose an empty folder`,
      })
  }
}

/** What git, npm and GitHub put there is no stranger, nor is what we were told to read. */
const known = ['.git', 'node_modules', 'LICENSE']

/** What is there and none of the repository's: paths below it. */
async function strangersIn(
  { files }: World,
  { folder, from }: Pick<RepoInput, 'folder' | 'from'>,
  all: readonly TeamFile[],
): Promise<readonly string[]> {
  const folders = foldersOf(all)
  const ours = new Set([...folders, ...all.map(({ path }) => path), ...known])
  const tarball = isAddress(from) ? null : resolve(from)
  const found: string[] = []
  for (const below of folders)
    for (const name of await files.list(join(folder, below)))
      if (!ours.has(join(below, name)) && resolve(folder, below, name) !== tarball)
        found.push(join(below, name))
  return found
}

/** @throws MintmarkError USAGE when a file says something else, or one is to be written beside what is none of the repository's */
async function ensureRoom(
  world: World,
  input: Pick<RepoInput, 'folder' | 'from'>,
  states: ReadonlyMap<TeamFile, State>,
): Promise<void> {
  const { folder } = input
  // With all of it there, the rest is the team's own: definitions, waivers, workflows.
  const whole = [...states.values()].every((state) => state !== 'missing')
  const strangers = whole ? [] : await strangersIn(world, input, [...states.keys()])
  const different = [...states].filter(([, state]) => state === 'different').map(([{ path }]) => path)
  const problems = [
    ...strangers.map((name) => `${name} is there, and none of the repository's`),
    ...different.map((path) => `${path} is there, and says something else`),
  ]
  if (problems.length === 0) return
  throw new MintmarkError('USAGE', `${folder} is not empty: nothing was changed`, {
    hint: 'move them away, or create the repository without files; to see what would be written today: a folder beside it, and diff -ru',
    details: problems,
  })
}

/**
 * Writes what is missing of a team's repository; nothing is overwritten. Killed half way, it goes on.
 * @returns the paths that were written
 * @throws MintmarkError USAGE, PROVIDER_UNREACHABLE
 */
export async function writeRepo(
  world: World,
  { folder, from, image, repo }: RepoInput,
): Promise<{ readonly written: readonly string[]; readonly tarball: Tarball }> {
  const { files, places } = world
  const bytes = await bytesOf(world, from)
  const read = await readTarball(world, from, bytes)
  await ensureOwn(world, from, read.package)
  const spec = isAddress(from) ? from : `file:vendor/mintmark-${read.package.version}.tgz`
  const tarball = { ...read, spec }
  const templates = new Map<string, string>()
  for (const [source, to] of templatesOf(repo.ci))
    templates.set(to, await files.readText(join(places.installation, source)))
  const copies = new Map<string, string>()
  for (const path of teamSchemas) copies.set(path, await files.readText(join(places.installation, path)))
  if (repo.ci === 'github')
    for (const [name, text] of await ownWorkflows(world)) copies.set(join(workflowsFolder, name), text)
  const vendored = isAddress(from) ? null : bytes
  const all = teamFiles({ image, repo, tarball, vendored, templates, copies })
  // Before the first file: a definition that would be refused is none to begin with.
  const path = `images/${image.name}.yaml`
  const check = (definition: Definition) =>
    checkDefinition(definition, { image: image.name, teams: [image.owner], policies: null })
  parseYaml(Definition, newDefinition(image), { path, check })
  await ensurePlainFolders(world, folder, all)
  await dropHalf(world, folder, all)
  const states = new Map<TeamFile, State>()
  for (const file of all) states.set(file, await stateOf(world, folder, file))
  await ensureRoom(world, { folder, from }, states)
  const written: string[] = []
  for (const [file, state] of states) {
    if (state === 'same') continue
    if (!(await files.createOnly(join(folder, file.path), file.content, { mode: file.mode })))
      throw new MintmarkError('CONFLICT', `${basename(file.path)} came into ${folder} meanwhile`, {
        hint: 'run it again',
      })
    written.push(file.path)
  }
  return { written, tarball }
}
