import { join } from 'node:path'
import { canonicalJson, sha256 } from '../../pipeline/core/digest.ts'
import type { ResolvedBase } from '../../pipeline/model/base.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import type { GateDecision, PassedGate } from '../../pipeline/model/gate.ts'
import type { ControlResult } from '../../pipeline/model/hardening.ts'
import type { Published, Recorded, VersionFacts } from '../../pipeline/model/release.ts'
import type { BuildResult, Bundle, Database, ScanReport, TestReport } from '../../pipeline/model/stages.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { publishStage } from '../../pipeline/stages/publish.ts'
import { recordStage } from '../../pipeline/stages/record.ts'
import { reserveVersion } from '../../pipeline/stages/reserve.ts'
import type { StageContext, StageOutputs } from '../../pipeline/stages/stage.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import type { Target } from '../../pipeline/targets/target.ts'
import { textOf } from './sources.ts'

const digest = (text: string): string => sha256(`fixture ${text}`)

export const definition: Definition = Definition.parse({
  schema: 1,
  owner: 'team-platform',
  os: { family: 'debian', release: '13', arch: ['x86_64'] },
  base: { from: 'archive' },
  content: { packages: { add: ['chrony'] }, ports: [22] },
  hardening: {
    profiles: ['cis-l2-server'],
    exceptions: [
      {
        control: 'audit-disk-full-halts',
        reason: 'stateless fleet',
        owner: 'team-security',
        expires: '2027-03-31',
      },
    ],
  },
  targets: { qemu: {} },
})

export const facts: VersionFacts = {
  os: 'debian-13',
  login: 'debian',
  layout: 'simple',
  profile: 'cis-l2-server',
  packages: { add: ['chrony'], remove: [] },
  ports: [22],
  controls: ['audit-disk-full-halts', 'sshd-permit-root-login', 'sysctl-ip-forward'],
  bundle: digest('bundle'),
}

export const base: ResolvedBase = {
  from: 'archive',
  id: digest('base'),
  distribution: 'debian',
  release: '13',
  version: '13.7',
  codename: 'trixie',
  arch: 'x86_64',
  suites: [
    {
      suite: 'trixie',
      codename: 'trixie',
      version: '13.7',
      date: '2026-09-12T09:44:18.000Z',
      validUntil: null,
      inRelease: digest('trixie InRelease'),
      signedBy: ['4CB50190207B4758A3F73A796ED0E7B82643E131'],
    },
    {
      suite: 'trixie-security',
      codename: 'trixie-security',
      version: null,
      date: '2026-11-21T18:02:51.000Z',
      validUntil: '2026-11-28T18:02:51.000Z',
      inRelease: digest('trixie-security InRelease'),
      signedBy: ['05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0'],
    },
  ],
  packages: { count: 231, sha256: digest('packages') },
  disk: {
    path: '/nowhere/base.qcow2',
    sha256: digest('base disk'),
    virtualBytes: 4 * 2 ** 30,
    format: 'qcow2',
  },
  bootstrapped: '2026-11-22T02:00:00.000Z',
  tools: { mmdebstrap: '1.3.5' },
}

const bundle: Bundle = {
  digest: facts.bundle,
  files: [{ path: 'image.pkr.hcl', sha256: digest('hcl') }],
  controls: facts.controls,
}

const results: readonly ControlResult[] = [
  { control: 'audit-disk-full-halts', status: 'fail', expected: 'halt', found: 'syslog' },
  { control: 'sshd-permit-root-login', status: 'pass', expected: 'no', found: 'no' },
  { control: 'sysctl-ip-forward', status: 'pass', expected: '0', found: '0' },
]

export interface FixtureOptions {
  readonly image?: string
  readonly runId?: string
  /** The bytes of the image. These tests are about records, so no machine ever boots it. */
  readonly artifact?: string
  readonly facts?: VersionFacts
  readonly given?: string
  /** Advisories were to be had; or with what is different of them. */
  readonly database?: boolean | Partial<Database>
  /** The report `packages`, whose lines are then the numbers of packages. */
  readonly packages?: string
  readonly cyclonedx?: string
  /** What is different of a gate that it passed. */
  readonly gate?: Partial<PassedGate>
  /** What its own scan found. */
  readonly findings?: ScanReport['findings']
  /** What is different of the scan. */
  readonly scan?: Partial<ScanReport>
  readonly definition?: Definition
  readonly base?: ResolvedBase
  /** Where it is built; qemu when left out. */
  readonly target?: Target
  /** What was built, where it is no file. */
  readonly built?: BuildResult['artifact']
  /** No control fails, so that no exception is needed. */
  readonly allPass?: boolean
  /** Digest of the policy that it passed. */
  readonly policy?: string
}

export interface FixtureRun {
  readonly context: StageContext
  /** What the stages left so far; publish and record may be added. */
  readonly outputs: { -readonly [K in keyof StageOutputs]?: StageOutputs[K] }
}

/** A run that went as far as its gate, with its files in a run folder. */
export async function fixtureRun(
  world: World,
  version: string,
  options: FixtureOptions = {},
): Promise<FixtureRun> {
  const { image = 'debian-13', runId = 'r-1', artifact = `image of ${runId}`, database = true } = options
  const folder = join(world.places.runs, image, runId)
  const path = join(folder, 'image.qcow2')
  // Another run of the same stage makes a new file; a published one is never written to.
  await world.files.remove(path)
  await world.files.write(path, artifact)
  const subject = options.built?.sha256 ?? sha256(artifact)
  const controls = options.allPass === true ? results.filter(({ status }) => status === 'pass') : results
  const count = options.packages === undefined ? 245 : options.packages.trimEnd().split('\n').length
  const reports = {
    cyclonedx:
      options.cyclonedx ?? canonicalJson({ bomFormat: 'CycloneDX', specVersion: '1.6', components: [] }),
    sarif: canonicalJson({ version: '2.1.0', runs: [] }),
    packages: options.packages ?? 'chrony\t4.6.1-3\tamd64\n',
  }
  const files: Record<string, { path: string; sha256: string }> = {}
  for (const [name, text] of Object.entries(reports)) {
    const file = join(folder, 'scan', name)
    await world.files.write(file, text)
    files[name] = { path: file, sha256: sha256(text) }
  }
  const build: BuildResult = {
    artifact: options.built ?? {
      format: 'qcow2',
      path,
      sha256: subject,
      bytes: Buffer.byteLength(artifact),
      virtualBytes: 4 * 2 ** 30,
    },
    accelerator: 'tcg',
    steps: [{ name: 'provision', seconds: 41 }],
    controls: [...controls],
    tools: { packer: '1.11.2', qemu: '7.2.22' },
    secrets: [],
  }
  const test: TestReport = {
    subject,
    facts: [
      { id: 'login', title: 'the login user can log in', status: 'pass', expected: 'yes', found: 'yes' },
      { id: 'ports', title: 'only the open ports answer', status: 'pass', expected: '22', found: '22' },
    ],
    boots: [{ instance: 'i-1', secondsToLogin: 20 }],
    controls: [
      { where: 'sealed', results: [...controls] },
      { where: 'i-1', results: [...controls] },
    ],
  }
  const scan: ScanReport = {
    subject,
    os: { family: 'debian', release: '13.7' },
    packages: { trivy: count, dpkg: count },
    database: database
      ? {
          source: 'ghcr.io/aquasecurity/trivy-db:2',
          sha256: digest('database'),
          updated: '2026-11-22T00:20:00.000Z',
          nextUpdate: '2026-11-23T00:20:00.000Z',
          canary: true,
          ...(database === true ? {} : database),
        }
      : null,
    databaseProblem: database ? null : 'no database could be reached',
    findings: options.findings ?? [],
    secrets: [],
    files,
    trivy: { version: '0.70.0', sha256: digest('trivy') },
    ...options.scan,
  }
  const gate: GateDecision = {
    verdict: 'passed',
    subject,
    policy: { name: 'default', sha256: options.policy ?? digest('policy') },
    vulnerability: database ? 'judged' : 'unknown',
    counts: database ? { HIGH: { fixable: 0, unfixed: 2 }, LOW: { fixable: 1, unfixed: 3 } } : {},
    excepted: definition.hardening.exceptions,
    waived: [],
    knownExploited: null,
    emergency: null,
    ...options.gate,
  }
  const outputs: FixtureRun['outputs'] = {
    base: options.base ?? base,
    render: { ...bundle, digest: options.facts?.bundle ?? bundle.digest },
    build,
    test,
    scan,
    gate,
  }
  const context: StageContext = {
    world,
    image,
    definition: options.definition ?? definition,
    target: options.target ?? targets.qemu,
    folder,
    runId,
    version,
    seconds: { base: 31, render: 2, build: 72 },
    options: { trivyDb: null, knownExploited: null, emergency: null },
    step: world.report.step('fixture'),
    need: <K extends keyof StageOutputs>(stage: K): StageOutputs[K] => {
      const output = outputs[stage]
      if (output === undefined) throw new Error(`the fixture has no ${stage}`)
      return output as StageOutputs[K]
    },
  }
  return { context, outputs }
}

export interface FixtureRelease {
  readonly version: string
  readonly published: Published
  readonly recorded: Recorded
  readonly run: FixtureRun
  /** What the record stage said. */
  readonly line: string
}

/** The world's own checkout where it has a lock of the image and the recipe of a base, else one that has. */
async function withLock(world: World, image: string): Promise<World> {
  const { files, places } = world
  const lock = `images/${image}.lock.json`
  const recipe = 'pipeline/targets/qemu/archive/inside.sh'
  const has = async (path: string): Promise<boolean> => (await files.info(join(places.root, path))) !== null
  if ((await has(lock)) && (await has(recipe))) return world
  const root = join(places.runs, 'checkout-of-the-fixture')
  await files.write(join(root, lock), textOf('images/debian-13.lock.json'))
  for (const name of ['inside.sh', 'make-disk.sh']) {
    const path = `pipeline/targets/qemu/archive/${name}`
    await files.write(join(root, path), textOf(path))
  }
  return { ...world, places: { ...places, root } }
}

/** Reserve, publish and record, as the real stages do it. */
export async function fixtureRelease(world: World, options: FixtureOptions = {}): Promise<FixtureRelease> {
  const version = await reserveVersion(world, {
    image: options.image ?? 'debian-13',
    runId: options.runId ?? 'r-1',
    facts: options.facts ?? facts,
    given: options.given ?? null,
  })
  const run = await fixtureRun(await withLock(world, options.image ?? 'debian-13'), version, options)
  const published = (await publishStage.run(run.context)).output
  run.outputs.publish = published
  const { output: recorded, line } = await recordStage.run(run.context)
  run.outputs.record = recorded
  return { version, published, recorded, run, line }
}
