import { join, resolve } from 'node:path'
import { lastLines } from '../../core/console-lines.ts'
import {
  builtArtifact,
  failedStep,
  milestoneCount,
  milestoneOf,
  type PackerEvent,
  parsePackerLine,
  spoken,
  tellingLines,
} from '../../core/packer-output.ts'
import { MintmarkError } from '../../errors.ts'
import type { ToolName } from '../../ports/tools.ts'
import type { World } from '../../ports/world.ts'
import type { BuildVariables } from '../../targets/building.ts'
import type { Engine, EngineBuildInput, EngineInput } from '../engine.ts'
import { watchConsole } from './watch-console.ts'

const buildDeadlineMs = 90 * 60_000

interface Packer {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
  readonly tools: Readonly<Record<string, string>>
}

/** Where Packer looks for a plugin: packer-plugin-qemu is github.com/hashicorp/qemu. */
const addressOf = (plugin: ToolName): string =>
  `github.com/hashicorp/${plugin.replace(/^packer-plugin-/, '')}`

/** Packer with its plugin in a folder of the run: no `packer init`, which would ask the network. */
async function ready({ world, folder, plugin: name }: EngineInput): Promise<Packer> {
  const packer = await world.tools.need('packer')
  const plugin = await world.tools.need(name)
  const home = join(folder, 'packer')
  await world.files.makeFolder(home, { mode: 0o700 })
  const env = {
    PACKER_PLUGIN_PATH: join(home, 'plugins'),
    PACKER_CONFIG_DIR: join(home, 'config'),
    PACKER_CACHE_DIR: join(home, 'cache'),
    CHECKPOINT_DISABLE: '1',
    PACKER_NO_COLOR: '1',
  }
  const address = addressOf(name)
  if ((await world.files.list(join(env.PACKER_PLUGIN_PATH, address))).length === 0)
    await world.exec.run([packer.path, 'plugins', 'install', '--path', plugin.path, address], { env })
  const tools = {
    packer: `${packer.version} sha256:${packer.sha256}`,
    [name]: `${plugin.version} sha256:${plugin.sha256}`,
  }
  return { path: packer.path, env, tools }
}

/** Packer's temporary variables file: 0600, and never in argv. */
async function writeVariables(input: EngineInput, name: string): Promise<string> {
  const path = join(input.folder, name)
  await input.world.files.write(path, `${JSON.stringify(input.variables, null, 2)}\n`, { mode: 0o600 })
  return path
}

async function validate(input: EngineInput): Promise<void> {
  const { world, bundle } = input
  const packer = await ready(input)
  const variables = await writeVariables(input, 'validate.pkrvars.json')
  const runs = [
    ['packer fmt', [packer.path, 'fmt', '-check', '-diff', bundle]],
    ['packer validate', [packer.path, 'validate', `-var-file=${variables}`, bundle]],
  ] as const
  for (const [what, argv] of runs) {
    const { code, stdout, stderr } = await world.exec.run(argv, {
      env: packer.env,
      ok: 'any',
      timeoutMs: 60_000,
    })
    if (code === 0) continue
    throw new MintmarkError('CONFIG_INVALID', `${what} refuses the rendered bundle`, {
      details: `${stdout}\n${stderr}`
        .split('\n')
        .filter((line) => line.trim() !== '')
        .slice(-20),
      where: { bundle },
    })
  }
}

/** How long a build has been at what, from the lines that Packer and our scripts print. */
function follow(world: World, step: { update(text: string): void }) {
  const steps: { name: string; seconds: number }[] = []
  const events: PackerEvent[] = []
  let index = -1
  let began = world.clock.now().getTime()
  const close = (): void => {
    const now = world.clock.now().getTime()
    const current = steps.at(-1)
    if (current !== undefined) current.seconds = Math.round((now - began) / 100) / 10
    began = now
  }
  const onLine = (line: string): void => {
    const event = parsePackerLine(line)
    if (event.kind === 'other') return
    events.push(event)
    if (event.kind === 'error') return
    const reached = milestoneOf(event.text)
    if (reached !== null && reached.index > index) {
      close()
      index = reached.index
      steps.push({ name: reached.name, seconds: 0 })
      step.update(`${reached.name} (${index + 1} of ${milestoneCount})`)
      return
    }
    const said = spoken(event.text)
    if (said !== null) step.update(`${said} (${index + 1} of ${milestoneCount})`)
  }
  return { onLine, close, steps, events }
}

const textOf = (variables: BuildVariables, name: string): string | null => {
  const value = variables[name]
  return typeof value === 'string' ? value : null
}

async function buildOnce(input: EngineBuildInput, step: { update(text: string): void }) {
  const { world, bundle, folder, environment } = input
  const { files } = world
  const packer = await ready(input)
  const output = textOf(input.variables, 'output_directory')
  const results = join(folder, 'results')
  // A killed build leaves a half image here; Packer refuses to start over it.
  if (output !== null) await files.remove(output)
  await files.remove(results)
  await files.makeFolder(results, { mode: 0o700 })
  const variables = await writeVariables(
    { ...input, variables: { ...input.variables, results } },
    'build.pkrvars.json',
  )
  const log = join(folder, 'packer.log')
  await files.remove(log)
  const progress = follow(world, step)
  const consoleLog = textOf(input.variables, 'console_log')
  if (consoleLog !== null) await files.remove(consoleLog)
  const running = world.exec.start(
    [packer.path, '-machine-readable', 'build', `-var-file=${variables}`, bundle],
    {
      env: { ...environment, ...packer.env },
      cwd: folder,
      leash: 'tree',
      logTo: log,
      onLine: (line, stream) => {
        if (stream === 'stdout') progress.onLine(line)
      },
      timeoutMs: buildDeadlineMs,
    },
  )
  const watch = consoleLog === null ? null : watchConsole(world, consoleLog, () => running.kill())
  const finished = await running.done
  watch?.stop()
  progress.close()
  if (world.signal.aborted) {
    if (output !== null) await files.remove(output)
    throw new MintmarkError('INTERRUPTED', 'stopped while Packer was building')
  }
  const panic = watch?.panic() ?? null
  if (panic !== null && consoleLog !== null) {
    throw new MintmarkError('BUILD_FAILED', `the kernel of the build machine stopped: ${panic}`, {
      details: lastLines(await files.readText(consoleLog), 12),
      hint: `its console is ${consoleLog}`,
      where: { kernel: 'panic' },
    })
  }
  const manifest = join(results, 'manifest.json')
  if (finished.code !== 0 || (await files.info(manifest)) === null) {
    const during = progress.steps.at(-1)?.name ?? 'starting'
    const step = failedStep(progress.events)
    const full = progress.events.find(
      (event) => event.kind !== 'other' && /No space left on device/i.test(event.text),
    )
    if (full !== undefined)
      throw new MintmarkError('NO_SPACE', `no space left while Packer was ${during}`, {
        details: tellingLines(progress.events, 12),
        where: { folder },
      })
    throw new MintmarkError('BUILD_FAILED', step ?? `packer failed while ${during}`, {
      details: tellingLines(progress.events, 12),
      hint: `the full log is ${log}${consoleLog === null ? '' : `, the console of the machine ${consoleLog}`}`,
    })
  }
  const built = builtArtifact(await files.readText(manifest))
  return {
    artifact: built.kind === 'image' ? built.id : resolve(folder, built.path),
    steps: progress.steps,
    tools: packer.tools,
  }
}

/** A kernel that stops under emulation is the emulator's fault more often than the image's: it gets a second machine. */
async function build(input: EngineBuildInput, step: { update(text: string): void }) {
  try {
    return await buildOnce(input, step)
  } catch (cause) {
    const panicked = cause instanceof MintmarkError && cause.where['kernel'] === 'panic'
    if (!panicked || input.variables['accelerator'] !== 'tcg') throw cause
    input.world.report.warn(`${cause.message}; building once more, for it ran emulated`)
    return buildOnce(input, step)
  }
}

export const packerEngine = { id: 'packer', validate, build } as const satisfies Engine
