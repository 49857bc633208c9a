import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

/**
 * Runs every test file, or with the word `slow` those of `test/slow/`, by uvu's own runner and believes its totals, not its
 * exit code: an error that uvu can't print ends a suite without a word and with exit code 0.
 */
const uvu = fileURLToPath(new URL('../node_modules/uvu/bin.js', import.meta.url))

/** Releases build and boot by one processor most of the time: all other tests use the other meanwhile. */
const lanes: readonly (readonly [name: string, files: string])[] =
  process.argv[2] === 'slow'
    ? [['slow', '^slow/.*\\.test\\.ts$']]
    : availableParallelism() < 2
      ? [['tests', '^(?!slow/).*\\.test\\.ts$']]
      : [
          ['release', '^e2e/(?:aws-)?release\\.test\\.ts$'],
          ['others', '^(?!slow/|e2e/(?:aws-)?release\\.test\\.ts$).*\\.test\\.ts$'],
        ]

interface Totals {
  readonly total: number
  readonly passed: number
  readonly code: number
  /** What did not pass: the failures as uvu printed them, each under its file. */
  readonly failed: readonly string[]
}

/** A failure's message and its stack; more of it stands where it was printed. */
const linesPerFailure = 40
/** A counterexample of a property can be a page long. */
const lineLength = 500

/** Picks the failures out of what uvu prints. */
function failuresOf(): { hear(line: string): void; readonly failed: readonly string[] } {
  const failed: string[] = []
  let file = ''
  let left = 0
  return {
    failed,
    hear(line) {
      const plain = stripVTControlCharacters(line)
      const ends = /\((\d+) \/ (\d+)\)$/.exec(plain)
      if (/^\S+\.test\.ts$/.test(plain)) {
        file = plain
        left = 0
      } else if (/^\s+FAIL\s/.test(plain)) {
        failed.push(file)
        left = linesPerFailure
      } else if (/^\s+Total:\s/.test(plain)) {
        left = 0
      } else if (ends !== null) {
        left = 0
        // A hook that threw leaves tests out without a word.
        if (ends[1] !== ends[2]) failed.push(`${file} ${ends[0]}`)
      }
      if (left > 0 && plain.trim() !== '') {
        failed.push(plain.length > lineLength ? `${plain.slice(0, lineLength)}…` : plain)
        left -= 1
      }
    },
  }
}

/** What is tested is not that we are in a CI job: a release of a test would be one of the job, and write on its page. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(?:GITHUB|RUNNER|ACTIONS)_/.test(name)),
)

/** One process; its lines bear its name where another runs beside it. */
function run([name, files]: readonly [string, string]): Promise<Totals> {
  const mark = lanes.length === 1 ? '' : `[${name}] `
  const runner = spawn(process.execPath, ['--import', 'tsx', uvu, 'test', files], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  let said = ''
  const failures = failuresOf()
  const forward = (from: NodeJS.ReadableStream, to: NodeJS.WritableStream, heard: (text: string) => void) => {
    let rest = ''
    const tell = (lines: readonly string[]): void => {
      for (const line of lines) {
        to.write(`${mark}${line}\n`)
        failures.hear(line)
      }
    }
    from.setEncoding('utf8')
    from.on('data', (text: string) => {
      heard(text)
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      tell(lines)
    })
    from.on('end', () => tell(rest === '' ? [] : [rest]))
  }
  forward(runner.stdout, process.stdout, (text) => {
    said = (said + text).slice(-4000)
  })
  forward(runner.stderr, process.stderr, () => undefined)
  return new Promise((resolve) => {
    runner.once('close', (code) => {
      const total = Number(/Total:\s+(\d+)/.exec(said)?.[1] ?? Number.NaN)
      const passed = Number(/Passed:\s+(\d+)/.exec(said)?.[1] ?? Number.NaN)
      resolve({ total, passed, code: code ?? 1, failed: failures.failed })
    })
  })
}

const ended = await Promise.all(lanes.map(run))
const total = ended.reduce((sum, lane) => sum + lane.total, 0)
const passed = ended.reduce((sum, lane) => sum + lane.passed, 0)
const whole = ended.every((lane) => lane.total > 0 && lane.passed === lane.total)
// Once more at the end: a log is often read, and kept, from its end alone.
for (const lane of ended) if (lane.failed.length > 0) process.stdout.write(`\n${lane.failed.join('\n')}\n`)
if (lanes.length > 1) process.stdout.write(`\n  Total:     ${total}\n  Passed:    ${passed}\n`)
if (!whole) process.stderr.write(`${passed} of ${total} tests passed\n`)
process.exitCode = whole ? Math.max(...ended.map(({ code }) => code)) : 1
