import { visibleLines } from '../core/show-value.ts'
import { errorTable, MintmarkError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Report, StepReport } from '../ports/report.ts'
import { duration } from './duration.ts'

/** The two streams and the terminal, as main.ts has them; tests give their own. */
export interface Console {
  out(text: string): void
  err(text: string): void
  readonly errIsTerminal: boolean
  /** Reads one line, or null when there is nobody to ask. */
  ask(question: string): Promise<string | null>
}

/** A line that is redrawn while a step runs. */
export interface Spinner {
  show(text: string): void
  end(): void
}

export interface ReporterOptions {
  readonly console: Console
  readonly clock: Clock
  readonly json: boolean
  readonly color: boolean
  /** Null without a terminal: then each change is one line. */
  readonly spinner: (() => Promise<Spinner>) | null
}

const pad = (name: string): string => name.padEnd(9)

/** Progress to stderr: live on a terminal, else one line a step; the result to stdout, as text or as one JSON document. */
export function reporter(options: ReporterOptions): Report {
  const { console, clock } = options
  const paint = (code: number, text: string): string =>
    options.color ? `\u001b[${code}m${text}\u001b[0m` : text
  const line = (text: string): void => console.err(`${text}\n`)

  function step(name: string): StepReport {
    const began = clock.now().getTime()
    const spent = (): string => duration(clock.now().getTime() - began)
    let spinner: Spinner | null = null
    let ended = false
    let now = ''
    const ready = options.spinner?.().then((made) => {
      if (ended) made.end()
      else {
        spinner = made
        made.show(`${pad(name)} ${now}  ${spent()}`)
      }
    })
    void ready
    const ticking =
      options.spinner === null
        ? null
        : setInterval(() => spinner?.show(`${pad(name)} ${now}  ${spent()}`), 1000)
    const end = (sign: string, text: string): void => {
      ended = true
      if (ticking !== null) clearInterval(ticking)
      spinner?.end()
      line(`${sign} ${pad(name)} ${visibleLines(text)}`)
    }
    return {
      update(text) {
        const shown = visibleLines(text)
        if (shown === now) return
        now = shown
        if (options.spinner === null) line(`  ${pad(name)} ${now}  (${spent()})`)
        else spinner?.show(`${pad(name)} ${now}  ${spent()}`)
      },
      done: (text) => end(paint(32, '✓'), `${text}   ${spent()}`),
      skip: (text) => end(paint(32, '✓'), `${text}   (done before)`),
      fail: (text) => end(paint(31, '✗'), `${text}   ${spent()}`),
    }
  }

  return {
    step,
    note: (text) => line(visibleLines(text)),
    warn: (text) => line(`${paint(33, 'warning:')} ${visibleLines(text)}`),
    result(text, data) {
      console.out(options.json ? `${JSON.stringify(data)}\n` : text.endsWith('\n') ? text : `${text}\n`)
    },
    async confirm(question) {
      const answer = await console.ask(`${question} [y/N] `)
      return /^y(es)?$/i.test(answer?.trim() ?? '')
    },
    ask: (question) => console.ask(question),
    interactive: console.errIsTerminal,
  }
}

/** What the page of a CI run shows of an error: the log has the rest. */
export function errorWords(error: unknown): string {
  if (!(error instanceof MintmarkError)) return error instanceof Error ? error.message : String(error)
  const { message, lines, hint } = error
  return visibleLines([message, ...lines.slice(0, 10), ...(hint === '' ? [] : [`→ ${hint}`])].join('\n'))
}

/** The error as people read it (stderr) and, with --json, as a program does (stdout). Returns the exit code. */
export function printError(
  error: unknown,
  options: { readonly console: Console; readonly json: boolean },
): number {
  const known =
    error instanceof MintmarkError
      ? error
      : new MintmarkError('INTERNAL', error instanceof Error ? error.message : String(error), {
          cause: error,
          details: error instanceof Error ? (error.stack?.split('\n').slice(1, 8) ?? []) : [],
        })
  const { exit } = errorTable[known.code]
  const lines = [`error[${known.code}] ${known.message}`, ...known.lines.map((detail) => `  ${detail}`)]
  const shown = Object.entries(known.where).filter(([, value]) => !known.message.includes(value))
  for (const [name, value] of shown) lines.push(`  ${name}: ${value}`)
  if (known.hint !== '') lines.push(`  → ${known.hint}`)
  options.console.err(`${visibleLines(lines.join('\n'))}\n`)
  if (options.json) {
    const { code, message, hint, where, lines: details } = known
    options.console.out(`${JSON.stringify({ error: { code, exit, message, hint, where, details } })}\n`)
  }
  return exit
}
