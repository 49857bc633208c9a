import { join } from 'node:path'
import { sha256 } from '../core/digest.ts'
import { evaluateGate } from '../core/evaluate-gate.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { GateDecision, Policy } from '../model/gate.ts'
import type { Stage, StageContext } from './stage.ts'

function lineOf(decision: GateDecision): string {
  const { name } = decision.policy
  const { excepted } = decision
  const also = [
    decision.vulnerability === 'unknown' ? 'vulnerabilities unknown: good for nightly only' : '',
    excepted.length === 0 ? '' : `${excepted.length} excepted control${excepted.length === 1 ? '' : 's'}`,
  ].filter((text) => text !== '')
  const verdict =
    decision.verdict === 'passed'
      ? `passed policy ${name}`
      : `rejected by policy ${name}: ${decision.reasons.length} reason${decision.reasons.length === 1 ? '' : 's'}`
  return [verdict, ...also].join('; ')
}

async function run(context: StageContext): Promise<{ output: GateDecision; line: string }> {
  const { world, definition, need } = context
  const name = definition.scan.policy
  const path = join('scans/policies', `${name}.yaml`)
  const text = await world.files.readText(join(world.places.root, path))
  const output = evaluateGate({
    image: context.image,
    definition,
    policy: parseYaml(Policy, text, { path }),
    policyName: name,
    policySha256: sha256(text),
    base: need('base'),
    build: need('build'),
    test: need('test'),
    scan: need('scan'),
    now: world.clock.now(),
  })
  return { output, line: lineOf(output) }
}

/** Judges what the other stages found. A rejection is its result, not its failure. */
export const gateStage: Stage<'gate'> = {
  id: 'gate',
  needs: ['base', 'build', 'test', 'scan'],
  always: true,
  output: GateDecision,
  run,
}
