import { MintmarkError } from '../errors.ts'
import type { ImageTest } from '../model/definition.ts'
import type { Fact } from '../model/stages.ts'
import { shellQuote } from './quote.ts'

/** What one test of the definition's own showed in one booted instance. */
export type OwnTestSeen =
  | { readonly kind: 'exit'; readonly code: number; readonly output: string; readonly late: boolean }
  | { readonly kind: 'status'; readonly status: number; readonly body: string }
  /** It could not be asked, or nobody answered. */
  | { readonly kind: 'none'; readonly problem: string; readonly answered: boolean }

const shownCharacters = 400
const titleCharacters = 120

/**
 * Foreign text for one line of a report: line ends become ` / `; control characters, those that turn the direction of
 * writing and halves of a pair are shown by their numbers; at most `most` characters.
 */
export function oneLine(text: string, most: number = shownCharacters): string {
  const lines = text
    .slice(0, most * 16)
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const plain = lines
    .join(' / ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)
  const characters = [...plain]
  return characters.length <= most ? plain : `${characters.slice(0, most - 3).join('')}...`
}

export const ownTestTitle = (test: ImageTest): string =>
  'run' in test
    ? `test: ${oneLine(test.run, titleCharacters)}`
    : `test: ${test.https ? 'https' : 'http'} ${oneLine(test.http, titleCharacters)}`

export const ownTestExpected = (test: ImageTest): string =>
  'run' in test ? `exit code ${test.exit}` : `status ${test.status}`

/** `:443/healthz` -> 443 and `/healthz`. */
export function httpTarget(http: string): { readonly port: number; readonly path: string } {
  const match = /^:(\d+)(\/.*)$/.exec(http)
  if (match === null) throw new MintmarkError('INTERNAL', `no port and path in ${JSON.stringify(http)}`)
  return { port: Number(match[1]), path: match[2] ?? '/' }
}

/** Guest ports that the tests ask from outside, each once. */
export const askedPorts = (tests: readonly ImageTest[]): readonly number[] =>
  [...new Set(tests.flatMap((test) => ('http' in test ? [httpTarget(test.http).port] : [])))].sort(
    (a, b) => a - b,
  )

const limitBytes = 65_536
const endMark = '@@ exit '

/**
 * $1 is the command, $2 its seconds. The output is cut so that a flood of it fills nothing; the exit code goes by the
 * other stream, where the command's own output can't forge it.
 */
const runner = [
  `{ timeout -k 5 "$2" sh -c "$1" </dev/null 2>&1; echo "${endMark}$?" >&2; } |`,
  `{ head -c ${limitBytes}; cat >/dev/null; }`,
].join(' ')

/** Command line of the login user's shell that runs a test's command as root. */
export const ownTestCommand = (command: string, seconds: number): string =>
  `sudo -n sh -c ${shellQuote(runner)} sh ${shellQuote(command)} ${seconds}`

/** How a run of `ownTestCommand` ended. @param elapsedSeconds by our own clock */
export function parseOwnTestRun(
  finished: { readonly code: number | null; readonly stdout: string; readonly stderr: string },
  seconds: number,
  elapsedSeconds: number,
): OwnTestSeen {
  const marks = [...finished.stderr.matchAll(/^@@ exit (\d+)$/gm)]
  const code = marks.at(-1)?.[1]
  if (code === undefined) {
    const said = oneLine(finished.stderr)
    const how = finished.code === null ? 'was cut off' : `ended with ${finished.code}`
    return {
      kind: 'none',
      answered: false,
      problem: `the connection ${how}${said === '' ? '' : `: ${said}`}`,
    }
  }
  // timeout's own codes: it ended the command, or had to kill it.
  const late = /^(?:124|137)$/.test(code) && elapsedSeconds >= seconds
  return { kind: 'exit', code: Number(code), output: finished.stdout, late }
}

const withOutput = (text: string, output: string): string => {
  const line = oneLine(output)
  return `${text}${line === '' ? ', no output' : `: ${line}`}`
}

/** Pure: what a test's answer means. */
export function judgeOwnTest(test: ImageTest, seen: OwnTestSeen | undefined): Pick<Fact, 'status' | 'found'> {
  if (seen === undefined) return { status: 'unknown', found: 'it was not asked' }
  if (seen.kind === 'none') return { status: seen.answered ? 'fail' : 'unknown', found: seen.problem }
  if (seen.kind === 'exit') {
    const wanted = 'run' in test ? test.exit : 0
    if (seen.late) return { status: 'fail', found: withOutput('it did not end in time', seen.output) }
    const code = `exit code ${seen.code}`
    return seen.code === wanted
      ? { status: 'pass', found: code }
      : { status: 'fail', found: withOutput(code, seen.output) }
  }
  const wanted = 'http' in test ? test.status : 200
  const status = `status ${seen.status}`
  return seen.status === wanted
    ? { status: 'pass', found: status }
    : { status: 'fail', found: withOutput(status, seen.body) }
}
