import { database, exploited, oneRun, second, target } from './common-options.ts'
import type { Verb } from './verbs.ts'

/** Runs one stage of a run again. */
export const stageVerb = (name: string, summary: string): Verb => ({
  name,
  summary,
  group: 'plumbing',
  args: '<image>',
  options:
    name === 'scan'
      ? [oneRun, target, database, ...second]
      : name === 'gate'
        ? [oneRun, target, database, exploited]
        : [oneRun, target],
  load: async () => {
    const { runStageVerb } = await import('./verbs/stage.ts')
    return { run: runStageVerb(name) }
  },
})
