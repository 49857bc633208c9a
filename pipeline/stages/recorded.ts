import { recordedArtifact } from '../core/artifact.ts'
import { recordBase } from '../core/base-facts.ts'
import { digestOf } from '../core/digest.ts'
import type { GateDecision } from '../model/gate.ts'
import type { RecordPredicate } from '../model/release.ts'
import { sourceOf } from './source.ts'
import type { StageContext } from './stage.ts'

/** What a run's reports and its record both say, put together once. */
export async function recordedOf(context: StageContext, gate: GateDecision) {
  const { definition, target } = context
  const build = context.need('build')
  const { os, packages, database, databaseProblem, trivy, secondScanner } = context.need('scan')
  return {
    image: context.image,
    version: context.version,
    target: target.id,
    arch: target.arch,
    run: context.runId,
    owner: definition.owner,
    login: target.loginUser(definition),
    source: {
      ...(await sourceOf(context.world)),
      definition: digestOf(definition),
      bundle: context.need('render').digest,
    },
    base: recordBase(context.need('base')),
    artifact: recordedArtifact(build.artifact),
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
