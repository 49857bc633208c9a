import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../../pipeline/core/digest.ts'
import { workDigest } from '../../pipeline/core/fingerprint.ts'
import type { ResolvedBase } from '../../pipeline/model/base.ts'
import type { BuildResult, TestReport } from '../../pipeline/model/stages.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { renderedBundle } from '../../pipeline/stages/render.ts'
import { type RealCli, realCheckout, realCli, type Snapshot, snapshotOf } from './real-cli.ts'
import { base } from './release-fixture.ts'
import { fixtureDb } from './trivy-db-registry.ts'
import { makeRootDisk, makeTree } from './trivy-tree.ts'
import type { TestWorld } from './world.ts'

export const image = 'debian-12'

/** No archive has it, so none has an upgrade of it. */
const unknown = { name: 'mintmark-fixture', version: '1.0' }

export interface Prepared {
  readonly cli: RealCli
  /** What `restore` puts in its place. */
  readonly start: Snapshot
  /** What `release` is asked with, so that advisories are to be had. */
  readonly args: (name?: string) => readonly string[]
}

/**
 * A run folder in which base, render, build and test are done, so that `release` goes on with the scan: a small disk that real tools
 * read stands for the image, and facts of a good one for its test.
 * @param images more definitions, each a copy of debian-12 with the same prepared run
 */
export async function preparedRun(
  { world, folder, ...t }: TestWorld,
  images: readonly string[] = [],
): Promise<Prepared> {
  const root = join(folder, 'checkout')
  await realCheckout(root)
  const database = join(folder, 'database')
  await cp(fixtureDb, database, { recursive: true })
  const metadata = join(database, 'metadata.json')
  const dated = { ...JSON.parse(await readFile(metadata, 'utf8')), UpdatedAt: new Date().toISOString() }
  await writeFile(metadata, JSON.stringify(dated))

  const tree = await makeTree({ world, folder, ...t }, { release: '12', packages: [unknown] })
  const { qcow2 } = await makeRootDisk({ world, folder, ...t }, tree, 'linux')
  const cli = await realCli(join(folder, 'prepared'), root)
  for (const name of [image, ...images]) {
    if (name !== image)
      for (const end of ['.yaml', '.lock.json'])
        await cp(join(root, `images/${image}${end}`), join(root, `images/${name}${end}`))
    await prepareOne({ ...world, places: { ...world.places, root } }, cli, name, qcow2)
  }
  const start = await snapshotOf(cli, join(folder, 'prepared-as-it-was'))
  return { cli, start, args: (name = image) => ['release', name, '--trivy-db', database] }
}

/** As the stages would have left it a minute ago. */
async function prepareOne(
  world: TestWorld['world'],
  cli: RealCli,
  name: string,
  qcow2: string,
): Promise<void> {
  const definition = await loadDefinition(world, name)
  const { bundle, files } = await renderedBundle(world, name, definition)
  const made = new Date(Date.now() - 60_000)
  const runId = made
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, '')
    .replace('T', '-')
  const folder = join(cli.folder, 'state/mintmark/runs', name, runId)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'image.qcow2')
  // Two images of the same bytes would be one blob.
  await cp(qcow2, path)
  await world.exec.run(['qemu-img', 'snapshot', '-c', name, path])
  await world.files.setMode(path, 0o444)
  for (const [file, content] of files) await world.files.write(join(folder, 'bundle', file), content)

  const results = bundle.controls.map((control) => ({
    control,
    status: 'pass' as const,
    expected: '1',
    found: '1',
  }))
  const { size = 0 } = (await world.files.info(path)) ?? {}
  const sha256 = await world.files.sha256(path)
  const built: BuildResult = {
    artifact: { path, sha256, bytes: size, virtualBytes: 20 * 2 ** 20 },
    accelerator: 'tcg',
    steps: [{ name: 'provision', seconds: 41 }],
    controls: results,
    tools: { packer: '1.11.2', qemu: '7.2.22' },
    secrets: [],
  }
  const tested: TestReport = {
    subject: sha256,
    facts: [
      { id: 'login', title: 'the login user can log in', status: 'pass', expected: 'yes', found: 'yes' },
    ],
    boots: [{ instance: 'a', secondsToLogin: 20, purpose: 'new' }],
    controls: [
      { where: 'boot-a', results },
      { where: 'sealed', results },
    ],
  }
  const resolved: ResolvedBase = {
    ...base,
    release: '12',
    version: '12.15',
    codename: 'bookworm',
    bootstrapped: made.toISOString(),
  } as ResolvedBase
  const version = '1.0.0'
  const common = { definition: workDigest(definition), version }
  const outputs = { base: resolved, render: bundle, build: built, test: tested }
  const needs = { base: [], render: [], build: ['base', 'render'], test: ['render', 'build'] } as const
  for (const stage of ['base', 'render', 'build', 'test'] as const) {
    const inputs = Object.fromEntries(needs[stage].map((need) => [need, digestOf(outputs[need])]))
    const file = {
      schema: 1,
      stage,
      inputs: { ...common, ...inputs },
      seconds: 1,
      children: 1,
      line: `${stage} of the fixture`,
      output: outputs[stage],
    }
    await world.files.write(join(folder, `${stage}.json`), `${JSON.stringify(file, null, 2)}\n`, {
      mode: 0o600,
    })
  }
  const run = {
    schema: 1,
    image: name,
    runId,
    created: made.toISOString(),
    definition: workDigest(definition),
    bundle: bundle.digest,
    asked: null,
    version: null,
    state: 'open',
  }
  await world.files.write(join(folder, 'run.json'), `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 })
}
