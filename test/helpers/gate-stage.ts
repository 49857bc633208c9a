import { GateDecision } from '../../pipeline/model/gate.ts'
import type { ScanReport } from '../../pipeline/model/stages.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { gateStage } from '../../pipeline/stages/gate.ts'
import type { StageContext, StageId } from '../../pipeline/stages/stage.ts'
import { targets } from '../../pipeline/targets/registry.ts'

/** What the gate stage makes of a scan of an image that all other stages found nothing wrong with. */
export async function judgeByStage(
  world: World,
  scan: ScanReport,
  context: Pick<StageContext, 'image' | 'definition'> & Partial<StageContext>,
): Promise<{ readonly decision: GateDecision; readonly line: string }> {
  const { subject } = scan
  const { release } = context.definition.os
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
  const { output, line } = await gateStage.run({
    world,
    target: targets.qemu,
    folder: world.places.runs,
    runId: 'r',
    version: '1.0.0',
    seconds: {},
    options: { trivyDb: null, knownExploited: null, emergency: null },
    step: world.report.step('gate'),
    need: ((stage: StageId) => outputs[stage]) as StageContext['need'],
    ...context,
  })
  return { decision: GateDecision.parse(output), line }
}
