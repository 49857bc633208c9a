import { bornOf } from '../core/base-facts.ts'
import { fingerprintChanges } from '../core/fingerprint.ts'
import { parsePackageList } from '../core/pending-upgrades.ts'
import { type Cause, policyCauses, upgradeCauses } from '../core/release-causes.ts'
import { compareVersions } from '../core/versions.ts'
import { MintmarkError } from '../errors.ts'
import type { RecordedArtifact } from '../model/artifact.ts'
import type { Definition } from '../model/definition.ts'
import type { RecordPredicate } from '../model/release.ts'
import { BuildResult, type ScanReport, TestReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { variantAt } from './choose-target.ts'
import { fingerprintNow, lockOf } from './fingerprint.ts'
import { type Judgement, judge } from './gate.ts'
import { locateRelease, type Release } from './read-release.ts'
import { readReport, recordedBase, storedScan } from './read-reports.ts'
import { scanAgain } from './scan-again.ts'
import type { SecondScannerOption } from './second-scanner.ts'
import { trustedKeys, verifyRelease } from './verify-release.ts'

export interface UnchangedInput {
  readonly world: World
  readonly image: string
  readonly definition: Definition
  /** Digest of what the definition renders to now. */
  readonly bundle: string
  readonly target: Target
  readonly trivyDb: string | null
  readonly judgement: Judgement
  /** Which other scanner is asked for; null for none. */
  readonly secondScanner: SecondScannerOption | null
  /** The version that a person asks for. */
  readonly asked: string | null
  readonly update: (text: string) => void
}

/** Either nothing is to be done, or what there is to do and why. */
export type Decision =
  | {
      readonly unchanged: true
      readonly release: Release
      /** What was looked at, for people. */
      readonly because: string
    }
  | {
      readonly unchanged: false
      /** The last release; null when there is none that can be trusted. */
      readonly release: Release | null
      readonly causes: readonly Cause[]
    }

const channel = 'nightly'

/** What the last release is judged by again. */
const neededReports = ['build', 'test', 'findings', 'packages', 'cyclonedx'] as const

const because = (kind: Cause['kind'], text: string): readonly Cause[] => [{ kind, text }]

/** The newest version of this variant that has a record; null when there is none. */
async function lastVersion(world: World, image: string, variant: string): Promise<string | null> {
  const keys = await world.catalog.list(`releases/${image}/`)
  const versions = keys
    .filter((key) => key.endsWith(`/${variant}.dsse.json`))
    .map((key) => key.split('/')[2] ?? '')
  return versions.sort(compareVersions).at(-1) ?? null
}

/** Is the image still kept? A file by its size alone: that its bytes are right is for `verify`. */
async function imageCauses(
  { world, target }: Pick<UnchangedInput, 'world' | 'target'>,
  name: string,
  artifact: RecordedArtifact,
): Promise<readonly Cause[]> {
  if (artifact.format === 'ami')
    return orUnknown(`the image of ${name}`, async () => {
      const found = await target.unchanged({ world, artifact })
      return found === null ? [] : because('artifact', `the image of ${name} now is ${found}`)
    })
  const bytes = await world.catalog.statBlob(artifact.sha256)
  if (bytes === null) return because('artifact', `the image of ${name} is no longer in the catalog`)
  return bytes === artifact.bytes
    ? []
    : because('artifact', `the image of ${name} has ${bytes} bytes in the catalog, not ${artifact.bytes}`)
}

/** Is the record what was signed, and do image and channel still stand as it left them? */
async function placeCauses(
  { world, target }: Pick<UnchangedInput, 'world' | 'target'>,
  release: Release | null,
  wrong: readonly string[],
): Promise<readonly Cause[]> {
  if (release === null || wrong.length > 0)
    return because('record', `the record of the last release can't be trusted: ${wrong.join('; ')}`)
  const { predicate } = release.statement
  const { artifact } = predicate
  const name = `${release.image}@${release.version}`
  const pointer = release.pointers.find((item) => item.channel === channel)
  const lost: string[] = []
  for (const report of neededReports) {
    const stored = predicate.reports[report]
    if (stored === undefined || (await world.catalog.statBlob(stored.sha256)) === null) lost.push(report)
  }
  return [
    ...lost.flatMap((report) =>
      because('artifact', `the report ${report} of ${name} is no longer in the catalog`),
    ),
    ...(await imageCauses({ world, target }, name, artifact)),
    ...(pointer?.version === release.version
      ? []
      : because(
          'channel',
          `${channel} points to ${pointer?.version ?? 'nothing'}, not to ${release.version}, the last release`,
        )),
  ]
}

async function judgedCauses(
  input: UnchangedInput,
  predicate: RecordPredicate,
  scan: ScanReport,
): Promise<readonly Cause[]> {
  const { world, image, definition } = input
  const base = recordedBase(predicate)
  const build = await readReport(world, predicate, 'build', BuildResult)
  const test = await readReport(world, predicate, 'test', TestReport)
  const now = await judge(world, { image, definition, base, build, test, scan }, input.judgement)
  const clock = world.clock.now()
  return policyCauses({ definition, before: predicate.gate, now, baseMade: bornOf(base), clock })
}

/** "Could not look" is never "nothing there": it is a cause of its own. */
async function orUnknown(what: string, work: () => Promise<readonly Cause[]>): Promise<readonly Cause[]> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code === 'INTERRUPTED' || cause.code === 'INTERNAL')
      throw cause
    return because('unknown', `${what} could not be looked at: ${cause.message}`)
  }
}

/**
 * Decides whether a build of the image could come to anything else than its last release. It looks at what is near first:
 * a cause that is found there spares the look at the archive.
 * @throws MintmarkError VERIFY_FAILED when a channel's pointer is damaged; LOCK_MISSING, CONFIG_INVALID
 */
export async function decideUnchanged(input: UnchangedInput): Promise<Decision> {
  const { world, image, definition, target, asked, update } = input
  let release: Release | null = null
  const build = (causes: readonly Cause[]): Decision => ({ unchanged: false, release, causes })
  const variant = variantAt(target)
  const version = await lastVersion(world, image, variant)
  if (version === null) return build(because('first', 'it has no release yet'))
  if (asked !== null && asked !== version)
    return build(because('asked', `version ${asked} was asked for, the last release is ${version}`))

  const located = await locateRelease(world, `${image}@${version}`, variant)
  const trust = await trustedKeys(world, null)
  const checked = await verifyRelease(world, located, { trust, onlyTrust: false, blobs: false })
  const wrong = checked.links.filter((link) => !link.right).map((link) => link.text)
  const place = await placeCauses(input, checked.release, wrong)
  release = wrong.length === 0 ? checked.release : null
  if (place.length > 0 || release === null) return build(place)

  const { predicate } = release.statement
  if (predicate.fingerprint === undefined)
    return build(
      because('record', `${image}@${version} was made by an older mintmark, which kept no fingerprint`),
    )
  const now = await fingerprintNow(world, image, definition, input.bundle, target)
  const changes = fingerprintChanges(image, predicate.fingerprint, now)
  if (changes.length > 0) return build(changes.map((text) => ({ kind: 'input', text })))

  update("judging the last release by today's policy")
  const judged = await orUnknown('the facts of the last release', async () => {
    const stored = await storedScan(world, predicate)
    const asked = input.secondScanner?.name
    const unseen =
      asked === undefined || stored.secondScanner !== undefined
        ? []
        : because('input', `${asked} was asked for, and did not look at the last release`)
    return [...unseen, ...(await judgedCauses(input, predicate, stored))]
  })
  // An old database may be all that is wrong, and a newer one may be had: that is for the look at the database to say.
  const upgrades = await orUnknown('the archive', async () => {
    update('looking for upgrades in the archive')
    const list = await readReport(world, predicate, 'packages', null)
    const installed = parsePackageList(list)
    if (installed.length !== predicate.scan.packages.dpkg)
      return because(
        'record',
        `the package list of ${image}@${version} has ${installed.length} packages, dpkg had ${predicate.scan.packages.dpkg}`,
      )
    const lock = await lockOf(world, image, definition, target)
    return upgradeCauses(await target.pendingUpgrades({ world, image, definition, lock, installed }))
  })
  if (upgrades.length > 0) return build([...upgrades, ...judged])

  update('looking for newer advisories')
  const look = async (): Promise<readonly Cause[]> => {
    const again = await scanAgain(world, { predicate, os: definition.os, trivyDb: input.trivyDb })
    if (again.status === 'same') return judged
    if (again.status === 'first')
      return [
        ...because(
          'database',
          `its vulnerabilities were unknown, and now there is a database (${again.source})`,
        ),
        ...judged,
      ]
    return [
      ...judged.filter(({ kind }) => kind === 'input'),
      ...(await judgedCauses(input, predicate, again.scan)),
    ]
  }
  // A database that a person names and that can't be used would fail the build as well, some minutes later.
  const advisories =
    input.trivyDb === null ? await orUnknown("today's vulnerability database", look) : await look()
  if (advisories.length > 0) return build(advisories)
  return {
    unchanged: true,
    release,
    because: `same base, definition and tools; none of ${predicate.scan.packages.dpkg} packages has an upgrade; it still passes policy ${predicate.gate.policy.name}`,
  }
}
