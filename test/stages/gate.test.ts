import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import type { Definition } from '../../pipeline/model/definition.ts'
import type { ScanReport } from '../../pipeline/model/stages.ts'
import { judgeByStage } from '../helpers/gate-stage.ts'
import { plainDefinition } from '../helpers/plain-definition.ts'
import { fixtureDb } from '../helpers/trivy-db-registry.ts'
import { bash, look, makeTree, oldSsh } from '../helpers/trivy-tree.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

const test = suite<{ t: TestWorld }>('gate')

const definition = (release: string): Definition =>
  plainDefinition({ os: { family: 'debian', release, arch: ['x86_64'] } })

const judge = (t: TestWorld, release: string, scan: ScanReport) =>
  judgeByStage(t.world, scan, { image: `debian-${release}`, definition: definition(release) })

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
