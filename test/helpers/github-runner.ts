import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { parse } from 'yaml'
import { asText, type Contexts, holds, resolve, type Status } from './github-expression.ts'
import { readAssignments } from './github-files.ts'

const Values = z.record(z.string(), z.unknown()).default({})

const Step = z.object({
  id: z.string().optional(),
  name: z.string().optional(),
  if: z.unknown().optional(),
  uses: z.string().optional(),
  with: Values,
  env: Values,
  run: z.string().optional(),
})

const Job = z.object({
  needs: z.union([z.string(), z.array(z.string())]).default([]),
  if: z.unknown().optional(),
  strategy: z.object({ matrix: z.unknown(), 'fail-fast': z.boolean().optional() }).optional(),
  env: Values,
  outputs: Values,
  steps: z.array(Step),
})

const Workflow = z.object({
  env: Values,
  defaults: z.object({ run: z.object({ shell: z.string() }) }).optional(),
  jobs: z.record(z.string(), Job),
})
export type Workflow = z.infer<typeof Workflow>

export const readWorkflow = async (path: string): Promise<Workflow> =>
  Workflow.parse(parse(await readFile(path, 'utf8')))

/** A runner whose programs that would change this machine only write down that they were called. */
export interface Runner {
  /** For this runner's own files. */
  readonly folder: string
  /** The checkout that the steps run in. */
  readonly workspace: string
  /** Of our own, and not thrown away with the job. */
  readonly selfHosted: boolean
  /** The payload of the event, and its name. */
  readonly event: { readonly name: string; readonly payload: unknown }
  /** More of the context `github`, and the contexts `vars` and `inputs`. */
  readonly github: Readonly<Record<string, string>>
  readonly vars: Readonly<Record<string, string>>
  readonly inputs: Readonly<Record<string, unknown>>
  /** What the machine has in its environment besides GitHub's own. */
  readonly env: Readonly<Record<string, string>>
  /** What an action leaves in the environment of later steps, by its name without the version. */
  readonly actions: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface StepResult {
  readonly name: string
  readonly outcome: 'success' | 'failure' | 'skipped'
  readonly exit: number | null
  readonly with: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
  readonly stdout: string
  readonly stderr: string
}

export interface JobResult {
  readonly result: 'success' | 'failure' | 'skipped'
  readonly outputs: Readonly<Record<string, string>>
  readonly steps: readonly StepResult[]
  /** What the programs that were only written down were called with, in order. */
  readonly calls: string
}

/** Name -> when it is only written down (a pattern of sh on "$*"), and goes through otherwise, as a bootstrap's apt-get has to. */
const written: Readonly<Record<string, string>> = {
  'apt-get': '-q\\ update|-q\\ install\\ *|-q\\ -o\\ *',
  npm: '*',
  git: 'config\\ --system*',
}

async function makeBin(folder: string): Promise<string> {
  const bin = join(folder, 'bin')
  await mkdir(bin, { recursive: true })
  for (const [name, pattern] of Object.entries(written)) {
    const real = `/usr/bin/${name}`
    const text = `#!/bin/sh\ncase "$*" in\n${pattern}) echo "${name} $*" >>"$CALLS" ;;\n*) exec ${real} "$@" ;;\nesac\n`
    await writeFile(join(bin, name), text)
    await chmod(join(bin, name), 0o755)
  }
  return bin
}

const strings = (values: Readonly<Record<string, unknown>>, contexts: Contexts, status: Status) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, asText(resolve(value, contexts, status))]),
  )

interface Ended {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}

function execute(
  argv: readonly [string, ...string[]],
  cwd: string,
  env: Record<string, string>,
): Promise<Ended> {
  const [program, ...args] = argv
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  return new Promise((done, reject) => {
    child.once('error', reject)
    child.once('close', (exit) => done({ exit, stdout, stderr }))
  })
}

const fileOf = async (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')

const contextsOf = (
  { github, vars, inputs, event }: Runner,
  needs: Readonly<Record<string, JobResult>>,
  matrix: unknown,
): Contexts => ({
  github: { ...github, event_name: event.name, event: event.payload },
  vars,
  inputs,
  needs,
  matrix,
  runner: {},
})

/** Runs the steps of one job in order, as GitHub's runner does. @param more the contexts `needs` and `matrix` */
export async function runJob(
  runner: Runner,
  workflow: Workflow,
  name: string,
  more: { readonly needs?: Readonly<Record<string, JobResult>>; readonly matrix?: unknown } = {},
): Promise<JobResult> {
  const job = workflow.jobs[name]
  if (job === undefined) throw new Error(`there is no job ${name}`)
  const { needs = {}, matrix = {} } = more
  const before: Status = {
    failed: Object.values(needs).some(({ result }) => result !== 'success'),
    cancelled: false,
  }
  const { github, event } = runner
  const contexts = contextsOf(runner, needs, matrix)
  if (!holds(job.if, contexts, before)) return { result: 'skipped', outputs: {}, steps: [], calls: '' }
  const work = await mkdtemp(join(runner.folder, `${name}-`))
  const bin = await makeBin(work)
  const file = (of: string): string => join(work, of)
  await writeFile(file('event.json'), JSON.stringify(event.payload))
  let left: Record<string, string> = {}
  let status: Status = { failed: false, cancelled: false }
  const steps: StepResult[] = []
  const known: Record<string, { outputs: Readonly<Record<string, string>>; outcome: string }> = {}
  for (const [index, step] of job.steps.entries()) {
    const here: Contexts = { ...contexts, steps: known }
    const title = step.name ?? step.uses?.split('@')[0] ?? `step ${index}`
    const skipped = { name: title, exit: null, with: {}, outputs: {}, summary: '', stdout: '', stderr: '' }
    if (!holds(step.if, here, status)) {
      steps.push({ ...skipped, outcome: 'skipped' })
      continue
    }
    if (step.run === undefined) {
      left = { ...left, ...runner.actions[step.uses?.split('@')[0] ?? ''] }
      steps.push({ ...skipped, outcome: 'success', with: strings(step.with, here, status) })
      continue
    }
    const script = file(`${index}.sh`)
    await writeFile(script, String(resolve(step.run, here, status)))
    const shell =
      workflow.defaults?.run.shell === 'bash' ? ['--noprofile', '--norc', '-eo', 'pipefail'] : ['-e']
    const output = file(`${index}.output`)
    const summary = file(`${index}.summary`)
    for (const path of [output, summary, file(`${index}.env`)]) await writeFile(path, '')
    const ended = await execute(['bash', ...shell, script], runner.workspace, {
      ...runner.env,
      ...left,
      ...strings({ ...workflow.env, ...job.env, ...step.env }, here, status),
      PATH: `${bin}:${runner.env['PATH'] ?? '/usr/bin:/bin'}`,
      CALLS: file('calls'),
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: runner.workspace,
      GITHUB_EVENT_NAME: event.name,
      GITHUB_EVENT_PATH: file('event.json'),
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_ENV: file(`${index}.env`),
      RUNNER_ENVIRONMENT: runner.selfHosted ? 'self-hosted' : 'github-hosted',
      RUNNER_TEMP: work,
      // The token is no variable of the machine: a step that needs it says so.
      ...Object.fromEntries(
        Object.entries(github)
          .filter(([key]) => key !== 'token')
          .map(([key, value]) => [`GITHUB_${key.toUpperCase()}`, value]),
      ),
    })
    left = { ...left, ...readAssignments(await fileOf(file(`${index}.env`))) }
    const outputs = readAssignments(await fileOf(output))
    const outcome = ended.exit === 0 ? 'success' : 'failure'
    if (step.id !== undefined) known[step.id] = { outputs, outcome }
    if (outcome === 'failure') status = { ...status, failed: true }
    steps.push({ name: title, outcome, with: {}, outputs, summary: await fileOf(summary), ...ended })
  }
  return {
    result: status.failed ? 'failure' : 'success',
    outputs: strings(job.outputs, { ...contexts, steps: known }, status),
    steps,
    calls: await fileOf(file('calls')),
  }
}

const marked = (mark: string, text: string): readonly string[] =>
  text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => `    ${mark} ${line}`.trimEnd())

/** What a job came to, for a golden file. */
export function transcript(name: string, job: JobResult): string {
  const steps = job.steps.flatMap((step) => [
    `  ${step.outcome}${step.exit === null || step.exit === 0 ? '' : ` (exit ${step.exit})`}: ${step.name}`,
    ...Object.entries(step.with).map(([key, value]) => `    with ${key}: ${value}`),
    ...Object.entries(step.outputs).map(([key, value]) => `    output ${key}: ${value}`),
    ...marked(
      'log',
      step.stderr
        .split('\n')
        .filter((line) => line.startsWith('::'))
        .join('\n'),
    ),
    ...marked('summary', step.summary),
  ])
  return [`${name}: ${job.result}`, ...steps, ...marked('called', job.calls), ''].join('\n')
}

/** One run of the job for each entry of the matrix, as GitHub expands it. @throws Error for an empty one, as GitHub does */
export async function runMatrix(
  runner: Runner,
  workflow: Workflow,
  name: string,
  needs: Readonly<Record<string, JobResult>>,
): Promise<readonly JobResult[]> {
  const status: Status = {
    failed: Object.values(needs).some(({ result }) => result !== 'success'),
    cancelled: false,
  }
  const job = workflow.jobs[name]
  const contexts = contextsOf(runner, needs, {})
  if (job?.strategy === undefined) throw new Error(`${name} has no matrix`)
  // The condition of a job is looked at before its matrix is.
  if (!holds(job.if, contexts, status)) return []
  const { include } = z
    .object({
      include: z.array(z.record(z.string(), z.string())).min(1, 'Matrix vector does not contain any values'),
    })
    .parse(resolve(job.strategy.matrix, contexts, status))
  const results: JobResult[] = []
  for (const matrix of include) results.push(await runJob(runner, workflow, name, { needs, matrix }))
  return results
}
