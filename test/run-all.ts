import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * Runs every test file, or with the word `slow` those of `test/slow/`, by uvu's own runner and believes its totals, not its
 * exit code: an error that uvu can't print ends a suite without a word and with exit code 0.
 */
const uvu = fileURLToPath(new URL('../node_modules/uvu/bin.js', import.meta.url))
const which = process.argv[2] === 'slow' ? '^slow/.*\\.test\\.ts$' : '^(?!slow/).*\\.test\\.ts$'
const runner = spawn(process.execPath, ['--import', 'tsx', uvu, 'test', which], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
let said = ''
runner.stdout.on('data', (chunk: Buffer) => {
  said = (said + chunk.toString()).slice(-4000)
  process.stdout.write(chunk)
})
runner.once('close', (code) => {
  const total = Number(/Total:\s+(\d+)/.exec(said)?.[1] ?? Number.NaN)
  const passed = Number(/Passed:\s+(\d+)/.exec(said)?.[1] ?? Number.NaN)
  const whole = total > 0 && passed === total
  if (!whole) process.stderr.write(`${passed} of ${total} tests passed\n`)
  process.exitCode = whole ? (code ?? 1) : 1
})
