import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Console, printError, reporter } from '../../pipeline/cli/reporter.ts'
import { MintmarkError } from '../../pipeline/errors.ts'

const reporting = suite('reporter')

function recorded(answer: string | null = null) {
  const streams = { out: '', err: '' }
  const console: Console = {
    out: (text) => {
      streams.out += text
    },
    err: (text) => {
      streams.err += text
    },
    errIsTerminal: false,
    ask: async () => answer,
  }
  let now = 0
  const clock = { now: () => new Date(now), sleep: async () => undefined }
  const pass = (ms: number): void => {
    now += ms
  }
  return { streams, console, clock, pass }
}

reporting('without a terminal each change is one line on stderr, with the time it took', () => {
  const { streams, console, clock, pass } = recorded()
  const step = reporter({ console, clock, json: false, color: false, spinner: null }).step('build')
  step.update('hardening')
  step.update('hardening')
  pass(72_000)
  step.done('image sha256:77ab…')
  assert.is(streams.err, '  build     hardening  (0 s)\n✓ build     image sha256:77ab…   1 m 12 s\n')
  assert.is(streams.out, '')
})

reporting('the result goes to stdout, as text or as one JSON document', () => {
  const text = recorded()
  reporter({ ...text, json: false, color: false, spinner: null }).result('done', { a: 1 })
  assert.is(text.streams.out, 'done\n')
  const json = recorded()
  reporter({ ...json, json: true, color: false, spinner: null }).result('done', { a: 1 })
  assert.is(json.streams.out, '{"a":1}\n')
})

reporting('nothing that others wrote moves the terminal', () => {
  const { streams, console, clock } = recorded()
  const report = reporter({ console, clock, json: false, color: true, spinner: null })
  report.warn('a\u001b[2Jb\n  c')
  report.step('base').update('x\u001b[1A')
  printError(new MintmarkError('NOT_FOUND', 'no "\u001b[31mred"'), { console, json: false })
  assert.is(
    streams.err.replaceAll('\u001b[33m', '').replaceAll('\u001b[0m', '').split('→')[0],
    'warning: a\\u{001B}[2Jb\n  c\n  base      x\\u{001B}[1A  (0 s)\nerror[NOT_FOUND] no "\\u{001B}[31mred"\n  ',
  )
})

reporting('a question without a yes is a no', async () => {
  for (const [answer, agreed] of [
    ['y', true],
    ['yes', true],
    ['', false],
    ['n', false],
    [null, false],
  ] as const) {
    const { console, clock } = recorded(answer)
    assert.is(
      await reporter({ console, clock, json: false, color: false, spinner: null }).confirm('remove?'),
      agreed,
    )
  }
})

reporting('an error has code, message, details, hint and its own exit code', () => {
  const { streams, console } = recorded()
  const error = new MintmarkError('CONFIG_INVALID', 'images/x.yaml has 1 problem', {
    details: ['images/x.yaml:4:1 …'],
  })
  assert.is(printError(error, { console, json: true }), 3)
  assert.match(
    streams.err,
    /^error\[CONFIG_INVALID\] images\/x\.yaml has 1 problem\n {2}images\/x\.yaml:4:1 …\n/,
  )
  assert.is(JSON.parse(streams.out).error.exit, 3)
})

reporting('what nobody foresaw is a bug of ours, with exit 1', () => {
  const { streams, console } = recorded()
  assert.is(printError(new TypeError('x is undefined'), { console, json: false }), 1)
  assert.match(streams.err, 'error[INTERNAL] x is undefined')
})

reporting.run()
