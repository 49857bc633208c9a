import { fileURLToPath } from 'node:url'
import { parse } from './cli/parse.ts'
import { type Console, printError, reporter, type Spinner } from './cli/reporter.ts'
import { MintmarkError } from './errors.ts'
import { systemClock } from './ports/clock.ts'

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

async function ask(question: string): Promise<string | null> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return null
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}

const terminal: Console = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  errIsTerminal: process.stderr.isTTY === true && process.stdin.isTTY === true,
  ask,
}

async function spinner(): Promise<Spinner> {
  const { default: ora } = await import('ora')
  const line = ora({ stream: process.stderr, discardStdin: false }).start()
  return {
    show: (text) => {
      line.text = text
    },
    end: () => void line.stop(),
  }
}

/** The ports are loaded after the arguments are understood: help and usage errors answer at once. */
async function buildWorld(json: boolean, signal: AbortSignal) {
  const [
    { nodeExec },
    { nodeFiles },
    { withLock },
    { findTools },
    { folderCatalog },
    { signing },
    { placesFrom },
    { nodeNet },
    { fetchBytes },
    { loadEnv },
  ] = await Promise.all([
    import('./ports/exec.ts'),
    import('./ports/files.ts'),
    import('./ports/lock.ts'),
    import('./ports/find-tools.ts'),
    import('./ports/folder-catalog.ts'),
    import('./ports/signing.ts'),
    import('./ports/places.ts'),
    import('./ports/net.ts'),
    import('./ports/fetch.ts'),
    import('./cli/load-env.ts'),
  ])
  // A pseudo-terminal without a size (script, docker run -t) has no line to redraw.
  const live = process.stderr.isTTY === true && process.stderr.columns > 0 && process.env['CI'] === undefined
  const report = reporter({
    console: terminal,
    clock: systemClock,
    json,
    color: live && process.env['NO_COLOR'] === undefined,
    spinner: live ? spinner : null,
  })
  const env = await loadEnv(process.env, nodeFiles, root)
  const places = placesFrom(env, root)
  const exec = nodeExec(signal)
  return {
    exec,
    files: nodeFiles,
    withLock,
    clock: systemClock,
    net: nodeNet,
    fetch: fetchBytes,
    report,
    tools: findTools(exec, nodeFiles, places),
    catalog: folderCatalog(places.catalog, nodeFiles),
    keys: signing(places.keys, nodeFiles),
    places,
    env,
    signal,
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json')
  const stop = new AbortController()
  let stopped: 'INTERRUPTED' | 'TERMINATED' | null = null
  const onSignal = (code: 'INTERRUPTED' | 'TERMINATED') => () => {
    if (stopped !== null) process.exit(code === 'INTERRUPTED' ? 130 : 143)
    stopped = code
    stop.abort()
  }
  process.on('SIGINT', onSignal('INTERRUPTED'))
  process.on('SIGTERM', onSignal('TERMINATED'))
  try {
    const parsed = await parse(argv)
    if (parsed.kind === 'help') {
      terminal.out(parsed.text)
      return 0
    }
    const [{ run }, world] = await Promise.all([parsed.verb.load(), buildWorld(json, stop.signal)])
    return (await run({ world, args: parsed.args, options: parsed.options })) ?? 0
  } catch (cause) {
    const error = stopped === null ? cause : new MintmarkError(stopped, 'stopped', { cause })
    return printError(error, { console: terminal, json })
  }
}

// A reader that went away (`| head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
process.exitCode = await main(process.argv.slice(2))
