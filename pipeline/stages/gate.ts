import { join } from 'node:path'
import { sha256 } from '../core/digest.ts'
import { evaluateGate, type GateInput } from '../core/evaluate-gate.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { GateDecision, Policy } from '../model/gate.ts'
import type { World } from '../ports/world.ts'
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

/** Judges the facts of an image by the policy as it is now, at today's clock. */
export async function judge(
  world: World,
  facts: Pick<GateInput, 'image' | 'definition' | 'base' | 'build' | 'test' | 'scan'>,
): Promise<GateDecision> {
  const name = facts.definition.scan.policy
  const path = join('scans/policies', `${name}.yaml`)
  const text = await world.files.readText(join(world.places.root, path))
  return evaluateGate({
    ...facts,
    policy: parseYaml(Policy, text, { path }),
    policyName: name,
    policySha256: sha256(text),
    now: world.clock.now(),
  })
}

async function run(context: StageContext): Promise<{ output: GateDecision; line: string }> {
  const { world, image, definition, need } = context
  const output = await judge(world, {
    image,
    definition,
    base: need('base'),
    build: need('build'),
    test: need('test'),
    scan: need('scan'),
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
