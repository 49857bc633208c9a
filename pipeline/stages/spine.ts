import { join } from 'node:path'
import * as z from 'zod'
import { digestOf } from '../core/digest.ts'
import { workDigest } from '../core/fingerprint.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { rejectionLines } from '../core/render-rejection.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import type { Target } from '../targets/target.ts'
import { baseStage } from './base.ts'
import { buildStage } from './build.ts'
import { gateStage } from './gate.ts'
import { publishStage } from './publish.ts'
import { recordStage } from './record.ts'
import { renderStage } from './render.ts'
import { scanStage } from './scan.ts'
import type { Stage, StageContext, StageId, StageOutputs } from './stage.ts'
import { testStage } from './test.ts'
import { reportPage } from './write-report.ts'

/** The way of an image, in order. */
export const spine = [
  baseStage,
  renderStage,
  buildStage,
  testStage,
  scanStage,
  gateStage,
  publishStage,
  recordStage,
] as const

/** `<stage>.json` in the run folder. */
const StageFile = z.strictObject({
  schema: z.literal(1),
  stage: z.string(),
  /** Digest of each stage's output that this one was made from, and of the definition and options. */
  inputs: z.record(z.string(), z.string()),
  seconds: z.number(),
  /** Of these, in which a program that we started was running. */
  children: z.number(),
  line: z.string(),
  output: z.unknown(),
})
type StageFile = z.infer<typeof StageFile>

export interface RunInput {
  readonly world: World
  readonly image: string
  readonly definition: Definition
  readonly target: Target
  readonly runId: string
  readonly folder: string
  readonly version: string
  readonly options: StageContext['options']
  /** The last stage to run; the whole way when null. */
  readonly until: StageId | null
  /** Runs this stage again even when its result still holds. */
  readonly again: StageId | null
}

const stageFile = (folder: string, id: StageId): string => join(folder, `${id}.json`)

/** What a stage depends on: the definition, its options and the results of the stages that it needs. */
async function inputsOf(input: RunInput, stage: Stage): Promise<Record<string, string>> {
  const inputs: Record<string, string> = { definition: workDigest(input.definition), version: input.version }
  for (const name of stage.options ?? []) inputs[`option ${name}`] = digestOf(input.options[name] ?? null)
  for (const need of stage.needs) {
    const file = await readStage(input.world, input.folder, need)
    if (file === null) {
      throw new MintmarkError(
        'CHAIN_BROKEN',
        `${stage.id} needs the result of ${need}, which this run does not have`,
        {
          hint: `./mintmark ${need} ${input.image}`,
        },
      )
    }
    inputs[need] = digestOf(file.output)
  }
  return inputs
}

/**
 * What the stage left in the run folder. A file of an older mintmark, or an edited one, is no result of ours: the stage is run again, and
 * said why.
 * @throws MintmarkError CHAIN_BROKEN for a file of a newer mintmark
 */
async function readStage(world: World, folder: string, id: StageId): Promise<StageFile | null> {
  const path = stageFile(folder, id)
  if ((await world.files.info(path)) === null) return null
  const json = parsedJson(await world.files.readText(path))
  const schema: unknown = typeof json === 'object' && json !== null && 'schema' in json ? json.schema : 0
  if (typeof schema === 'number' && schema > 1)
    throw new MintmarkError('CHAIN_BROKEN', `${path} was made by a newer mintmark (schema ${schema})`, {
      hint: 'go on with that mintmark, or start over with this one: --fresh',
    })
  const parsed = StageFile.safeParse(json)
  return parsed.success && parsed.data.stage === id ? parsed.data : null
}

/**
 * For a stage before the one that is run again: an option that was not given now is as it was when the stage ran. Else what a
 * database or a second scanner found would be lost to a look without them.
 */
function withKeptOptions(
  inputs: Record<string, string>,
  earlier: StageFile | null,
  { again, options }: RunInput,
): Record<string, string> {
  if (again === null || earlier === null || earlier.stage === again) return inputs
  const notGiven = Object.entries(options).flatMap(([name, value]) =>
    value === null ? [`option ${name}`] : [],
  )
  const kept = notGiven.flatMap((name) => {
    const before = earlier.inputs[name]
    return before === undefined || inputs[name] === undefined ? [] : [[name, before] as const]
  })
  return { ...inputs, ...Object.fromEntries(kept) }
}

/**
 * Runs the stages in order. One whose inputs are unchanged since it last ended well in this folder is not run again, so a
 * killed run goes on where it stopped.
 * @throws MintmarkError GATE_REJECTED with the reasons, or what a stage throws
 */
export async function runSpine(input: RunInput): Promise<Partial<StageOutputs>> {
  const { world, folder } = input
  const outputs: Record<string, unknown> = {}
  const seconds: Record<string, number> = {}
  for (const stage of spine as readonly Stage[]) {
    const step = world.report.step(stage.id)
    try {
      const earlier = await readStage(world, folder, stage.id)
      const inputs = withKeptOptions(await inputsOf(input, stage), earlier, input)
      const parsed = earlier === null ? null : stage.output.safeParse(earlier.output)
      const holds =
        parsed?.success === true &&
        stage.always !== true &&
        input.again !== stage.id &&
        digestOf(earlier?.inputs) === digestOf(inputs)
      if (earlier !== null && parsed?.success === true && holds) {
        outputs[stage.id] = parsed.data
        seconds[stage.id] = earlier.seconds
        step.skip(earlier.line)
      } else {
        if (parsed?.success !== true && (await world.files.info(stageFile(folder, stage.id))) !== null)
          world.report.note(
            `${stage.id}.json is of an older mintmark or was edited: going on from ${stage.id}`,
          )
        // Nothing of a later stage may survive the change of an earlier one.
        await dropFrom(world, folder, stage.id)
        const began = world.clock.now().getTime()
        const busy = world.exec.busyMs()
        const context: StageContext = {
          world,
          image: input.image,
          definition: input.definition,
          target: input.target,
          folder,
          runId: input.runId,
          version: input.version,
          seconds,
          options: input.options,
          step,
          need: <K extends StageId>(id: K): StageOutputs[K] => {
            const output = outputs[id]
            if (output === undefined)
              throw new MintmarkError('INTERNAL', `${stage.id} asks for ${id}, which it does not need`)
            return output as StageOutputs[K]
          },
        }
        const { output, line } = await stage.run(context)
        seconds[stage.id] = Math.round((world.clock.now().getTime() - began) / 100) / 10
        const file: StageFile = {
          schema: 1,
          stage: stage.id,
          inputs,
          seconds: seconds[stage.id] ?? 0,
          children: Math.round((world.exec.busyMs() - busy) / 100) / 10,
          line,
          output: stage.output.parse(output),
        }
        await world.files.write(stageFile(folder, stage.id), `${JSON.stringify(file, null, 2)}\n`, {
          mode: 0o600,
        })
        outputs[stage.id] = file.output
        await stage.after?.(context, output)
        if (rejection(outputs as Partial<StageOutputs>) === null) step.done(line)
        else step.fail(line)
      }
    } catch (cause) {
      step.fail(cause instanceof Error ? cause.message : String(cause))
      throw cause
    }
    const rejected = rejection(outputs as Partial<StageOutputs>)
    if (rejected !== null) throw rejected(input.image, folder)
    if (stage.id === input.until) break
  }
  return outputs as Partial<StageOutputs>
}

/** The error that a rejection ends a run with; null while there is none. The whole texts are in gate.json. */
function rejection(
  outputs: Partial<StageOutputs>,
): ((image: string, folder: string) => MintmarkError) | null {
  const decision = outputs.gate
  if (decision?.verdict !== 'rejected') return null
  const { reasons, policy } = decision
  return (image, folder) =>
    new MintmarkError(
      'GATE_REJECTED',
      `${image} is rejected by policy ${policy.name}: ${reasons.length} reason${reasons.length === 1 ? '' : 's'}`,
      { details: [...rejectionLines(decision), `report: ${reportPage(folder)}`] },
    )
}

async function dropFrom(world: World, folder: string, id: StageId): Promise<void> {
  const from = spine.findIndex((stage) => stage.id === id)
  for (const stage of spine.slice(from)) await world.files.remove(stageFile(folder, stage.id))
}
