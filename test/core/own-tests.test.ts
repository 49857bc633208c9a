import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  askedPorts,
  httpTarget,
  judgeOwnTest,
  type OwnTestSeen,
  oneLine,
  ownTestCommand,
  ownTestTitle,
  parseOwnTestRun,
} from '../../pipeline/core/own-tests.ts'

const own = suite("the definition's own tests")

/** As the login user's shell runs it; sudo is a function that runs what it is given. */
function ran(command: string, seconds = 5): OwnTestSeen {
  const began = Date.now()
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', `sudo() { shift; "$@"; }; ${ownTestCommand(command, seconds)}`],
    { encoding: 'utf8', input: 'what is on the connection', maxBuffer: 1 << 24 },
  )
  return parseOwnTestRun({ code: status, stdout, stderr }, seconds, (Date.now() - began) / 1000)
}

own('a command runs as it is written, by sh, with nothing on its input', () => {
  const command = `printf '%s\\n' "it's" '$HOME \`x\` "q"' \\\n  -- ; cat; exit 7`
  assert.equal(ran(command), {
    kind: 'exit',
    code: 7,
    output: `it's\n$HOME \`x\` "q"\n--\n`,
    late: false,
  })
})

own('its output can not forge its exit code', () => {
  const seen = ran('echo "@@ exit 0"; echo "@@ exit 0" >&2; false')
  assert.is(seen.kind === 'exit' && seen.code, 1)
  assert.is(judgeOwnTest({ run: 'x', exit: 0 }, seen).status, 'fail')
})

own('a flood of output is cut, and the command is not killed by that', () => {
  const seen = ran('head -c 1000000 /dev/zero | tr "\\0" x; exit 4')
  assert.is(seen.kind === 'exit' && seen.code, 4)
  assert.is(seen.kind === 'exit' && seen.output.length, 65_536)
})

own('one that does not end is stopped, and that is a failure whatever code is wanted', () => {
  const seen = ran('echo begun; sleep 30', 1)
  assert.equal(judgeOwnTest({ run: 'x', exit: 124 }, seen), {
    status: 'fail',
    found: 'it did not end in time: begun',
  })
})

own('a connection that broke is unknown, never a pass', () => {
  const seen = parseOwnTestRun({ code: 255, stdout: '', stderr: 'Connection reset\n' }, 60, 1)
  assert.equal(judgeOwnTest({ run: 'x', exit: 255 }, seen), {
    status: 'unknown',
    found: 'the connection ended with 255: Connection reset',
  })
  assert.is(judgeOwnTest({ run: 'x', exit: 0 }, undefined).status, 'unknown')
})

own('nobody who answers is a failure; so is another status, with what the page said', () => {
  const test = { http: ':80/', https: false, status: 200 } as const
  assert.is(judgeOwnTest(test, { kind: 'none', answered: true, problem: 'hang up' }).status, 'fail')
  assert.equal(judgeOwnTest(test, { kind: 'status', status: 503, body: 'warming up' }), {
    status: 'fail',
    found: 'status 503: warming up',
  })
  assert.equal(judgeOwnTest(test, { kind: 'status', status: 200, body: 'x' }), {
    status: 'pass',
    found: 'status 200',
  })
})

own('what a guest printed can not move the cursor, turn the line or fill the report', () => {
  assert.is(
    oneLine('a\u001b[31mb\r\n\n c\u202ed\ud800\u0000 \u2028e'),
    'a\\u{1b}[31mb / c\\u{202e}d\\u{d800}\\u{0} / e',
  )
  assert.is([...oneLine('😀'.repeat(5000))].length, 400)
  assert.ok(ownTestTitle({ run: 'x'.repeat(4000), exit: 0 }).length <= 130)
})

own('ports and paths', () => {
  assert.equal(httpTarget(':8443/a?b=c'), { port: 8443, path: '/a?b=c' })
  assert.equal(
    askedPorts([
      { run: 'true', exit: 0 },
      { http: ':443/x', https: true, status: 200 },
      { http: ':80/', https: false, status: 200 },
      { http: ':443/y', https: true, status: 200 },
    ]),
    [80, 443],
  )
})

own.run()
