import { decideEmergency, otherKinds, type Rejected, withNote, worseThan } from '../core/emergency.ts'
import { evaluateGate, type GateInput } from '../core/evaluate-gate.ts'
import { idleWaivers, openFindings } from '../core/evaluate-gate-findings.ts'
import { MintmarkError } from '../errors.ts'
import { GateDecision } from '../model/gate.ts'
import type { World } from '../ports/world.ts'
import { currentRelease } from './current-release.ts'
import { loadKnownExploited } from './load-known-exploited.ts'
import { loadPolicy } from './load-policy.ts'
import { loadWaivers } from './load-waivers.ts'
import type { Stage, StageContext } from './stage.ts'
import { writeReports } from './write-report.ts'

/** What the other stages found out about an image. */
export type JudgedFacts = Pick<GateInput, 'image' | 'definition' | 'base' | 'build' | 'test' | 'scan'>

/** What a team says of findings, and what is known to be exploited: the same for all images. */
export type Judgement = Pick<GateInput, 'waivers' | 'knownExploited'>

const count = (many: number, one: string): string => `${many} ${one}${many === 1 ? '' : 's'}`

function lineOf(decision: GateDecision): string {
  const { name } = decision.policy
  const { excepted, waived, emergency } = decision
  const also = [
    emergency === null
      ? ''
      : `EMERGENCY: ${count(emergency.shipped.length, 'finding')} shipped, no worse than ${emergency.comparedWith}`,
    decision.vulnerability === 'unknown' ? 'vulnerabilities unknown: good for nightly only' : '',
    waived.length === 0 ? '' : count(waived.length, 'waived finding'),
    excepted.length === 0 ? '' : count(excepted.length, 'excepted control'),
  ].filter((text) => text !== '')
  const verdict =
    decision.verdict === 'passed'
      ? `passed policy ${name}`
      : `rejected by policy ${name}: ${count(decision.reasons.length, 'reason')}`
  return [verdict, ...also].join('; ')
}

/**
 * Reads what judgements of all images need besides facts and policy.
 * @param knownExploited a file or an address; null for none
 * @throws MintmarkError CONFIG_INVALID for a waiver or list that is wrong; PROVIDER_UNREACHABLE, USAGE
 */
export const loadJudgement = async (world: World, knownExploited: string | null): Promise<Judgement> => ({
  waivers: await loadWaivers(world),
  knownExploited: await loadKnownExploited(world, knownExploited),
})

/**
 * The facts with policy, waivers, list and clock of today.
 * @throws MintmarkError CONFIG_INVALID for a policy that is wrong
 */
export async function inputOf(world: World, facts: JudgedFacts, judgement: Judgement): Promise<GateInput> {
  const { policy, name, sha256 } = await loadPolicy(world, facts.definition.scan.policy)
  return {
    ...facts,
    ...judgement,
    policy,
    policyName: name,
    policySha256: sha256,
    now: world.clock.now(),
  }
}

/**
 * Judges the facts of an image by its policy as it is now, and by what is given, at today's clock.
 * @throws MintmarkError CONFIG_INVALID for a policy that is wrong
 */
export const judge = async (world: World, facts: JudgedFacts, judgement: Judgement): Promise<GateDecision> =>
  evaluateGate(await inputOf(world, facts, judgement))

/** A word on what an emergency could do. It is only advice: when the current release can't be looked at there is none. */
async function advised(context: StageContext, input: GateInput, decision: Rejected): Promise<Rejected> {
  if (otherKinds(decision).length > 0) return decision
  const { world, image, definition, target, options } = context
  try {
    const { trivyDb } = options
    const current = await currentRelease(world, { image, definition, target, trivyDb })
    if (current === null || worseThan(openFindings(input), current).length > 0) return decision
    return withNote(
      decision,
      `no worse than ${current.name} → ./mintmark release ${image} --emergency --reason "..." may ship it, recorded`,
    )
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || world.signal.aborted) throw cause
    return decision
  }
}

async function run(context: StageContext): Promise<{ output: GateDecision; line: string }> {
  const { world, image, definition, target, need, options, step } = context
  const facts = {
    image,
    definition,
    base: need('base'),
    build: need('build'),
    test: need('test'),
    scan: need('scan'),
  }
  const input = await inputOf(world, facts, await loadJudgement(world, options.knownExploited))
  const idle = idleWaivers(input)
  if (idle.length > 0)
    world.report.warn(
      `${count(idle.length, 'waiver')} that ${idle.length === 1 ? 'does' : 'do'} nothing here: ${idle.join('; ')}`,
    )
  const first = evaluateGate(input)
  if (first.verdict === 'passed') return { output: first, line: lineOf(first) }
  if (otherKinds(first).length === 0) step.update('comparing with the current release')
  const { emergency, trivyDb } = options
  const output =
    emergency === null
      ? await advised(context, input, first)
      : decideEmergency(
          first,
          openFindings(input),
          otherKinds(first).length > 0
            ? null
            : await currentRelease(world, { image, definition, target, trivyDb }),
          emergency,
        )
  return { output, line: lineOf(output) }
}

/** Judges what the other stages found. A rejection is its result, not its failure. */
export const gateStage: Stage<'gate'> = {
  id: 'gate',
  needs: ['base', 'build', 'test', 'scan'],
  always: true,
  output: GateDecision,
  run,
  after: writeReports,
}
