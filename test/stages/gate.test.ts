import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import { GateDecision } from '../../pipeline/model/gate.ts'
import type { ScanReport } from '../../pipeline/model/stages.ts'
import { gateStage } from '../../pipeline/stages/gate.ts'
import type { StageContext, StageId } from '../../pipeline/stages/stage.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeTree, oldSsh, subject } from '../helpers/trivy-tree.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const test = suite<{ t: TestWorld }>('gate')

const definition = (release: string): Definition =>
  Definition.parse({
    schema: 1,
    owner: 'team-platform',
    os: { family: 'debian', release, arch: ['x86_64'] },
    base: { from: 'archive' },
    hardening: { profiles: ['cis-l2-server'] },
    targets: { qemu: {} },
  })

async function judge(
  t: TestWorld,
  release: string,
  scan: ScanReport,
): Promise<{ decision: GateDecision; line: string }> {
  const result = { control: 'ssh-no-root', status: 'pass', expected: 'no', found: 'no' }
  const outputs: Partial<Record<StageId, unknown>> = {
    base: { from: 'archive', distribution: 'debian', release, bootstrapped: '2026-11-22T00:00:00Z' },
    build: { artifact: { sha256: subject }, controls: [result] },
    test: {
      subject,
      facts: [{ id: 'login', title: 'login', status: 'pass', expected: 'yes', found: 'yes' }],
      controls: [{ where: 'sealed', results: [result] }],
    },
    scan,
  }
  const context: StageContext = {
    world: t.world,
    image: `debian-${release}`,
    definition: definition(release),
    folder: t.folder,
    runId: 'r',
    version: '1.0.0',
    seconds: {},
    options: { trivyDb: null, knownExploited: null, emergency: null },
    step: t.world.report.step('gate'),
    need: ((stage: StageId) => outputs[stage]) as StageContext['need'],
  }
  const { output, line } = await gateStage.run(context)
  return { decision: GateDecision.parse(output), line }
}

test.before(async (context) => {
  context.t = await testWorld({ now: new Date('2026-11-22T12:00:00Z') })
})
test.after(({ t }) => t.close())

test('an old openssh on Debian 12 is rejected, with the command that mends it', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash, oldSsh] })
  const { report } = await look(t, tree, '12', fixtureDb)
  const { decision, line } = await judge(t, '12', report)
  assert.is(decision.verdict, 'rejected')
  assert.is(line, 'rejected by policy default: 1 reason')
  const reasons = decision.verdict === 'rejected' ? decision.reasons : []
  assert.equal(
    reasons.map(({ kind, id, mend }) => ({ kind, id, mend })),
    [{ kind: 'finding', id: 'CVE-2024-6387', mend: './mintmark base update debian-12' }],
  )
  const policy = await t.world.files.readText(`${checkout}/scans/policies/default.yaml`)
  assert.equal(decision.policy, { name: 'default', sha256: sha256(policy) })
})

test('the same on Debian 13 is rejected by the canary, since the database knows nothing of it', async ({
  t,
}) => {
  const tree = await makeTree(t, { release: '13', packages: [bash, oldSsh] })
  const { report } = await look(t, tree, '13', fixtureDb)
  const { decision } = await judge(t, '13', report)
  assert.equal(decision.verdict === 'rejected' ? decision.reasons.map(({ kind }) => kind) : [], ['canary'])
  assert.is(decision.vulnerability, 'unknown')
})

test('a clean Debian 12 passes; without a database it passes as unknown', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash] })
  const { report } = await look(t, tree, '12', fixtureDb)
  const judged = await judge(t, '12', report)
  assert.is(judged.decision.verdict, 'passed')
  assert.is(judged.decision.vulnerability, 'judged')
  const unknown = await judge(t, '12', { ...report, database: null, databaseProblem: 'no network' })
  assert.is(unknown.decision.verdict, 'passed')
  assert.is(unknown.decision.vulnerability, 'unknown')
  assert.is(unknown.line, 'passed policy default; vulnerabilities unknown: good for nightly only')
})

test('a release of another system than the definition says is rejected', async ({ t }) => {
  const tree = await makeTree(t, { release: '12', packages: [bash] })
  const { report } = await look(t, tree, '12', fixtureDb)
  const { decision } = await judge(t, '13', report)
  assert.equal(decision.verdict === 'rejected' ? decision.reasons.map(({ kind }) => kind) : [], ['os'])
})

test.run()
