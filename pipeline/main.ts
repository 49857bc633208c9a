import { setMaxListeners } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parse } from './cli/parse.ts'
import { type Console, errorWords, printError, reporter, type Spinner } from './cli/reporter.ts'
import { MintmarkError } from './errors.ts'
import { systemClock } from './ports/clock.ts'
import { defused, errorAnnotation } from './ports/github-log.ts'

const installation = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

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

// What guests, mirrors and requests say is no order to GitHub's runner, which reads both streams; a JSON document is one line of ours.
const onGithub = process.env['GITHUB_ACTIONS'] === 'true'
const isJson = process.argv.includes('--json')

const terminal: Console = {
  out: (text) => void process.stdout.write(onGithub && !isJson ? defused(text) : text),
  err: (text) => void process.stderr.write(onGithub ? defused(text) : text),
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
    { lockUntil },
    { findTools },
    { catalogOpener },
    { chooseSigner },
    { findRoot, placesFrom },
    { nodeNet },
    { fetchBytes },
    { zip },
    { ciJob },
    { openGithub },
    { loadEnv },
  ] = await Promise.all([
    import('./ports/exec.ts'),
    import('./ports/files.ts'),
    import('./ports/lock.ts'),
    import('./ports/find-tools.ts'),
    import('./ports/open-catalog.ts'),
    import('./ports/choose-signer.ts'),
    import('./ports/places.ts'),
    import('./ports/net.ts'),
    import('./ports/fetch.ts'),
    import('./ports/zip.ts'),
    import('./ports/ci-job.ts'),
    import('./ports/octokit-github.ts'),
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
  // Which Node the AWS SDK runs on is for the README to say, and not for stderr of every command.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const launcher = process.argv[1] ?? installation
  const root = await findRoot(nodeFiles, { installation, launcher, cwd: () => process.cwd() })
  const env = await loadEnv(process.env, nodeFiles, root)
  const places = placesFrom(env, root, installation)
  const exec = nodeExec(signal)
  const openCatalog = catalogOpener({ files: nodeFiles, env, cache: places.blobs, signal, warn: report.warn })
  return {
    exec,
    files: nodeFiles,
    withLock: lockUntil(signal),
    clock: systemClock,
    net: nodeNet,
    fetch: fetchBytes,
    report,
    tools: findTools(exec, nodeFiles, places),
    catalog: openCatalog(places.catalog),
    openCatalog,
    keys: chooseSigner(env, places.keys, nodeFiles, report.note),
    zip,
    job: ciJob(env),
    github: openGithub(env, signal),
    places,
    env,
    signal,
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json')
  const stop = new AbortController()
  // Every call to a cloud that is under way listens, and Node warns of a leak at eleven.
  setMaxListeners(0, stop.signal)
  let stopped: 'INTERRUPTED' | 'TERMINATED' | null = null
  const onSignal = (code: 'INTERRUPTED' | 'TERMINATED') => (name: NodeJS.Signals) => {
    if (stopped === null) {
      stopped = code
      stop.abort()
      return
    }
    // A person who asks twice does not want to wait; a terminal that closes asks several times, by its shell and by the kernel.
    if (name !== 'SIGHUP') process.exit(code === 'INTERRUPTED' ? 130 : 143)
  }
  process.on('SIGINT', onSignal('INTERRUPTED'))
  process.on('SIGTERM', onSignal('TERMINATED'))
  // The terminal was closed, or the connection to it lost.
  process.on('SIGHUP', onSignal('TERMINATED'))
  try {
    if (argv[0] === '--version') {
      const [{ versionText }, { nodeFiles }] = await Promise.all([
        import('./cli/version.ts'),
        import('./ports/files.ts'),
      ])
      terminal.out(await versionText(nodeFiles, installation, json))
      return 0
    }
    const parsed = await parse(argv)
    if (parsed.kind === 'help') {
      terminal.out(parsed.text)
      return 0
    }
    const [{ run }, world] = await Promise.all([parsed.verb.load(), buildWorld(json, stop.signal)])
    return (await run({ world, args: parsed.args, options: parsed.options })) ?? 0
  } catch (cause) {
    const error = stopped === null ? cause : new MintmarkError(stopped, 'stopped', { cause })
    if (onGithub) process.stderr.write(errorAnnotation(`mintmark ${argv[0] ?? ''}`, errorWords(error)))
    return printError(error, { console: terminal, json })
  }
}

// A terminal that was closed takes no more words, and what has begun still has to be cleared away.
process.stderr.on('error', () => undefined)
// A reader that went away (`| head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  if (error.code === 'EIO') return
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT' || error.code === 'EFBIG'
  const lost = new MintmarkError(
    full ? 'NO_SPACE' : 'TOOL_FAILED',
    `the result can't be written to where stdout leads: ${error.message}`,
    { cause: error },
  )
  process.exit(printError(lost, { console: terminal, json: false }))
})
process.exitCode = await main(process.argv.slice(2))
