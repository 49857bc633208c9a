import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluateGate, type GateInput } from '../../pipeline/core/evaluate-gate.ts'
import { definition } from '../helpers/release-fixture.ts'

// Only what the gate says of a base's age: all else of this input rejects anyway.
const gate = suite('evaluate-gate: age of a base')
const digest = 'a'.repeat(64)
const now = new Date('2026-11-22T12:00:00Z')
const disk = { path: '/base.qcow2', sha256: digest, virtualBytes: 1, format: 'qcow2' } as const
const common = {
  id: digest,
  distribution: 'debian',
  release: '13',
  version: '13.7',
  arch: 'x86_64',
  disk,
} as const

const image = (built: string): GateInput['base'] => ({
  ...common,
  from: 'image',
  codename: null,
  publisher: 'local',
  name: 'own.qcow2',
  url: null,
  checksums: null,
  signature: null,
  built,
})

const parent = (created: string): GateInput['base'] => ({
  ...common,
  from: 'parent',
  image: 'corp-base',
  imageVersion: '1.2.0',
  channel: 'nightly',
  record: digest,
  anchored: false,
  artifact: digest,
  created,
  ancestry: [],
})

function ageReasons(base: GateInput['base']): readonly (readonly [string, string])[] {
  const decision = evaluateGate({
    image: 'web',
    waivers: [],
    knownExploited: null,
    now,
    definition,
    policy: {
      schema: 1,
      rejectFixable: [],
      rejectUnfixed: [],
      rejectSecrets: true,
      maxDatabaseAgeHours: 24,
    } as unknown as GateInput['policy'],
    policyName: 'default',
    policySha256: digest,
    base,
    build: { artifact: { sha256: digest }, controls: [] } as unknown as GateInput['build'],
    test: { subject: digest, facts: [], boots: [], controls: [] },
    scan: {
      subject: digest,
      os: { family: 'debian', release: '13.7' },
      packages: { trivy: 1, dpkg: 1 },
      database: null,
      databaseProblem: null,
      findings: [],
      secrets: [],
    } as unknown as GateInput['scan'],
  })
  assert.ok(decision.verdict === 'rejected')
  return decision.reasons.filter(({ kind }) => kind === 'base-age').map(({ text, mend }) => [text, mend])
}

gate('an image counts from its build, a parent from its record, and each says how it is mended', () => {
  assert.equal(ageReasons(image('2026-08-24T13:00:00Z')), [])
  assert.equal(ageReasons(image('2026-08-24T11:00:00Z')), [
    ['the base debian 13.7 is of 2026-08-24T11:00:00Z, older than 90d', './mintmark base update web'],
  ])
  assert.equal(ageReasons(parent('2026-08-24T13:00:00Z')), [])
  assert.equal(ageReasons(parent('2026-08-24T11:00:00Z')), [
    ['the base corp-base@1.2.0 is of 2026-08-24T11:00:00Z, older than 90d', './mintmark release corp-base'],
  ])
  assert.match(ageReasons(parent('2026-12-24T11:00:00Z'))[0]?.[0] ?? '', 'in the future')
})

gate.run()
