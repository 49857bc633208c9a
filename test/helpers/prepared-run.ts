import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedBase } from '../../pipeline/model/base.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { renderedBundle } from '../../pipeline/stages/render.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { type RealCli, realCheckout, realCli, type Snapshot, snapshotOf } from './real-cli.ts'
import { base } from './release-fixture.ts'
import { goodImage, writeRun, writeStages } from './stage-files.ts'
import { datedDb } from './trivy-db-registry.ts'
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
  const database = await datedDb(folder)
  const tree = await makeTree({ world, folder, ...t }, { release: '12', packages: [unknown] })
  const { qcow2 } = await makeRootDisk({ world, folder, ...t }, tree, 'linux')
  const cli = await realCli(join(folder, 'prepared'), root)
  for (const name of [image, ...images]) {
    if (name !== image)
      for (const end of ['.yaml', '.lock.json'])
        await cp(join(root, `images/${image}${end}`), join(root, `images/${name}${end}`))
    await prepareOne({ ...world, places: { ...world.places, root, installation: root } }, cli, name, qcow2)
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
  const { bundle, files } = await renderedBundle(world, name, definition, targets.qemu)
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

  const { size = 0 } = (await world.files.info(path)) ?? {}
  const sha256 = await world.files.sha256(path)
  const { build, test } = goodImage(
    { format: 'qcow2', path, sha256, bytes: size, virtualBytes: 20 * 2 ** 20 },
    bundle.controls,
  )
  const resolved: ResolvedBase = {
    ...base,
    release: '12',
    version: '12.15',
    codename: 'bookworm',
    bootstrapped: made.toISOString(),
  } as ResolvedBase
  await writeStages(
    world,
    folder,
    { definition, version: '1.0.0' },
    { base: resolved, render: bundle, build, test },
  )
  await writeRun(world, folder, { image: name, runId, created: made, definition, bundle: bundle.digest })
}
