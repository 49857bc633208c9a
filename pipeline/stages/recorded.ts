import { digestOf } from '../core/digest.ts'
import type { GateDecision } from '../model/gate.ts'
import { TargetId } from '../model/ids.ts'
import type { RecordPredicate } from '../model/release.ts'
import { targets } from '../targets/registry.ts'
import type { Target } from '../targets/target.ts'
import { sourceOf } from './source.ts'
import type { StageContext } from './stage.ts'

/** What a run's reports and its record both say, put together once. */
export async function recordedOf(context: StageContext, gate: GateDecision) {
  const { definition } = context
  const { disk, ...base } = context.need('base')
  const build = context.need('build')
  const { os, packages, database, databaseProblem, trivy, secondScanner } = context.need('scan')
  const target = TargetId.parse(Object.keys(definition.targets)[0])
  const host: Target = targets[target]
  const { sha256, bytes, virtualBytes } = build.artifact
  return {
    image: context.image,
    version: context.version,
    target,
    arch: host.arch,
    run: context.runId,
    owner: definition.owner,
    login: host.loginUser(definition),
    source: {
      ...(await sourceOf(context.world)),
      definition: digestOf(definition),
      bundle: context.need('render').digest,
    },
    base: { ...base, diskSha256: disk.sha256 },
    artifact: { sha256, bytes, virtualBytes, format: 'qcow2' },
    tools: { ...build.tools, trivy: trivy.version },
    scan: {
      os,
      packages,
      database,
      databaseProblem,
      trivy,
      ...(secondScanner === undefined ? {} : { secondScanner }),
    },
    gate,
    facts: context.need('test').facts,
    seconds: { ...context.seconds },
  } as const satisfies Partial<RecordPredicate>
}
