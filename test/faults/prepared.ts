import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOfAmi } from '../../pipeline/core/artifact.ts'
import { amiName } from '../../pipeline/core/aws-publish-plan.ts'
import type { AmiArtifact } from '../../pipeline/model/artifact.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import { keepLock } from '../../pipeline/stages/base-lock.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { runSpine } from '../../pipeline/stages/spine.ts'
import { aws } from '../../pipeline/targets/aws/aws.ts'
import { marks } from '../../pipeline/targets/aws/tags.ts'
import { factory, type StandIn } from '../cloud/stand-in.ts'
import { awsCheckout, image } from '../helpers/aws-release.ts'
import { buildRegion } from '../helpers/publish-cloud.ts'
import { type RealCli, type Snapshot, snapshotOf, start } from '../helpers/real-cli.ts'
import { goodImage, writeRun, writeStages } from '../helpers/stage-files.ts'
import { makeRootDisk, makeTree, type Package } from '../helpers/trivy-tree.ts'
import type { TestWorld } from '../helpers/world.ts'

/** No archive has it, so none has an upgrade of it. */
const unknown = { name: 'mintmark-fixture', version: '1.0' }

/** Where a run stands: its files, and the account that it works in. */
export interface Standing {
  readonly files: Snapshot
  readonly cloud: StandIn
}

/** A build that is done, of a run that a CI job named. */
export interface NamedCandidate {
  readonly run: string
  readonly version: string
  /** What its disk has besides the package that no archive has. */
  readonly packages: readonly Package[]
}

export interface Prepared {
  readonly cli: RealCli
  /** Before its build. */
  readonly rendered: Standing
  /** A candidate that only its gate is before. */
  readonly scanned: Standing
  /** The command that goes on with it. */
  readonly release: readonly string[]
  /** One more, in the same account, that only its scan and its gate are before. */
  candidate(named: NamedCandidate): Promise<void>
  close(): Promise<void>
}

interface Begun {
  readonly cloud: StandIn
  readonly keyArn: string
  readonly runId: string
  readonly version: string
  readonly created: Date
  readonly packages: readonly Package[]
}

/** A candidate as a build leaves it, private and encrypted, whose small disk real tools read. */
async function candidate(
  t: TestWorld,
  { cloud, keyArn, runId, version, created, packages }: Begun,
): Promise<AmiArtifact> {
  const tree = await makeTree(t, { release: '12', packages: [unknown, ...packages] })
  const { raw } = await makeRootDisk(t, tree, 'linux')
  const hex = version.replaceAll('.', '').padStart(14, '0')
  const ids = { imageId: `ami-${hex}bed`, snapshotIds: [`snap-${hex}bed`] }
  const name = amiName(image, version, 'x86_64')
  const tags = marks({ image, version, run: runId, owner: 'team-platform' }, name, created)
  await cloud.seed({
    images: [
      {
        name,
        owner: factory,
        regions: [buildRegion],
        id: ids.imageId,
        snapshotId: ids.snapshotIds[0] ?? '',
        created: created.toISOString(),
        public: false,
        copyable: false,
        imdsSupport: 'v2.0',
        kmsKey: keyArn,
        tags: Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value])),
        disk: raw,
      },
    ],
  })
  const place = { account: factory, region: buildRegion, ...ids }
  return {
    format: 'ami',
    ...place,
    architecture: 'x86_64',
    bytes: 20 * 2 ** 20,
    virtualBytes: 2 ** 30,
    sha256: digestOfAmi(place),
  }
}

/** `YYYYMMDD-HHMMSS`, as a run names itself where nobody does. */
const idOf = (created: Date): string =>
  created
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, '')
    .replace('T', '-')

/** A run that is rendered, and what its build and its test come to once `done` is asked. */
async function begin(
  t: TestWorld,
  world: TestWorld['world'],
  begun: Begun,
): Promise<{ readonly done: () => Promise<void> }> {
  const { runId, version, created } = begun
  const definition = await loadDefinition(world, image)
  const folder = join(world.places.runs, image, `${runId}@aws`)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const outputs = await runSpine({
    world,
    image,
    definition,
    target: aws,
    runId,
    folder,
    version,
    options: { trivyDb: null, knownExploited: null, emergency: null },
    until: 'render',
    again: null,
  })
  const { render } = outputs
  if (render === undefined) throw new Error('the fixture was not rendered')
  await writeRun(world, folder, { image, runId, target: 'aws', created, definition, bundle: render.digest })
  return {
    done: async () => {
      const made = goodImage(await candidate(t, begun), render.controls)
      await writeStages(world, folder, { definition, version }, { ...outputs, ...made })
    },
  }
}

/**
 * A run whose base and bundle are real, whose build and test are as those of a good image, and whose scan the real command line did.
 * @param named its id, where a CI job gave it one
 */
export async function preparedRelease(t: TestWorld, named: string | null = null): Promise<Prepared> {
  const { cli, cloud, keys, release: unnamed } = await awsCheckout(t, null)
  const release = named === null ? unnamed : [...unnamed, '--run', named]
  const environment = cloud.enter()
  try {
    const world = { ...t.world, places: placesFrom(cli.env, cli.root) }
    const definition = await loadDefinition(world, image)
    const step = world.report.step('lock')
    await keepLock(
      world,
      image,
      'aws',
      await aws.lockImage({ world, image, definition, earlier: null, step }),
    )

    const created = new Date(Date.now() - 60_000)
    const runId = named ?? idOf(created)
    const keyArn = keys[buildRegion] ?? ''
    const begun = { cloud, keyArn, runId, version: '1.0.0', created, packages: [] }
    const first = await begin(t, world, begun)
    const rendered = { files: await snapshotOf(cli, join(t.folder, 'rendered')), cloud: await cloud.branch() }

    await first.done()
    const started = start(cli, release, { env: cloud.env })
    if (!(await started.says(/^✓ scan /m))) throw new Error(started.said())
    started.child.kill('SIGKILL')
    await started.ended
    const scanned = { files: await snapshotOf(cli, join(t.folder, 'scanned')), cloud }
    return {
      cli,
      rendered,
      scanned,
      release,
      candidate: async ({ run, ...more }) => {
        const entered = cloud.enter()
        try {
          const next = { cloud, keyArn, runId: run, created: new Date(), ...more }
          await (await begin(t, world, next)).done()
        } finally {
          entered.restore()
        }
      },
      close: cloud.close,
    }
  } catch (cause) {
    await cloud.close()
    throw cause
  } finally {
    environment.restore()
  }
}
