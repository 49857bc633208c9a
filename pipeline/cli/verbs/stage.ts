import { MintmarkError } from '../../errors.ts'
import { runStageAgain } from '../../stages/release.ts'
import { spine } from '../../stages/spine.ts'
import { databaseOption, exploitedOption, secondScannerOption, textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

/** A verb that runs one stage of a run again; it prints that stage's result. */
export const runStageVerb =
  (name: string): RunVerb =>
  async ({ world, args, options }) => {
    const [image = ''] = args
    const stage = spine.find((item) => item.id === name)
    if (stage === undefined) throw new MintmarkError('USAGE', `there is no stage ${name}`)
    const { run, outputs } = await runStageAgain(world, image, stage.id, textOption(options, 'run'), {
      target: textOption(options, 'target'),
      trivyDb: databaseOption(options, world.env),
      knownExploited: exploitedOption(options, world.env),
      secondScanner: secondScannerOption(options, world.env),
    })
    world.report.result(`${stage.id} of run ${run.runId} done`, { run: run.runId, output: outputs[stage.id] })
    return 0
  }
