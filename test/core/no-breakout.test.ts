import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse as parseYamlText } from 'yaml'
import { shellQuote } from '../../pipeline/core/quote.ts'
import { hclLiteral, jsonLiteral, renderTemplate } from '../../pipeline/core/render-template.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { hostileText, hostileTexts, impossible } from '../helpers/hostile.ts'
import { testWorld } from '../helpers/world.ts'

// What is rendered is read back by the real parser of its language, hundreds of values in one process.
const breakout = suite('no value breaks out')

const long = ['x'.repeat(500_000), "'".repeat(20_000), '${'.repeat(20_000), '\\'.repeat(20_000)]
const texts = [...hostileTexts(1500), ...long]

const refusal = (work: () => unknown): string => {
  try {
    work()
  } catch (cause) {
    return cause instanceof MintmarkError ? `${cause.code} ${cause.message}` : String(cause)
  }
  return 'taken'
}

breakout('sh reads the same words, and does nothing else', async () => {
  const test = await testWorld()
  try {
    const header = texts.map((text, at) => `V${at}=${shellQuote(text)}`)
    const words = texts.map((_, at) => `printf '%s\\0' "$V${at}"`)
    // No program can be found: whatever got out of its quotes would complain.
    const out = execFileSync('/bin/sh', ['-eu'], {
      input: [...header, ...words].join('\n'),
      cwd: test.folder,
      env: { PATH: '/nowhere' },
      encoding: 'utf8',
      maxBuffer: 1 << 27,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    assert.equal(out.split('\0').slice(0, -1), texts)
    assert.equal(await test.world.files.list(test.folder), [])
  } finally {
    await test.close()
  }
})

breakout('shellcheck and sh find nothing in a script whose header is full of such values', async () => {
  const { world, folder, close } = await testWorld()
  try {
    const lines = hostileTexts(150).map((_, at) => `V${at}={{sh v${at}}}\nprintf '%s' "$V${at}"`)
    const data = Object.fromEntries(hostileTexts(150).map((text, at) => [`v${at}`, text]))
    const script = renderTemplate(`#!/bin/sh\n${lines.join('\n')}\n`, data)
    const path = join(folder, 'script.sh')
    await world.files.write(path, script)
    await world.exec.run(['sh', '-n', path])
    // What the values look like (quotes, dollars, dashes of Unicode) is shellcheck's taste, not a way out.
    await world.exec.run(['shellcheck', '--shell=sh', '--severity=error', path])
  } finally {
    await close()
  }
})

breakout("HCL reads the same strings: by Packer's own parser", async () => {
  const { world, folder, close } = await testWorld()
  try {
    const packer = await world.tools.need('packer')
    const held = texts.filter((text) => refusal(() => hclLiteral(text)) === 'taken')
    assert.ok(held.length > texts.length * 0.7)
    const path = join(folder, 'values.pkr.hcl')
    await world.files.write(path, `locals {\n  values = ${hclLiteral(held)}\n}\n`)
    const env = { CHECKPOINT_DISABLE: '1', PACKER_CONFIG_DIR: folder, PACKER_NO_COLOR: '1' }
    const { stdout } = await world.exec.run([packer.path, 'console', path], {
      input: 'jsonencode(local.values)\n',
      env,
      timeoutMs: 120_000,
    })
    assert.equal(JSON.parse(stdout), held)
  } finally {
    await close()
  }
})

breakout('JSON and YAML read the same values, as text, as keys and in lists', () => {
  fc.assert(
    fc.property(fc.array(hostileText, { maxLength: 20 }), (values) => {
      const data = { values, keyed: Object.fromEntries(values.map((text, at) => [`${at}${text}`, text])) }
      const rendered = jsonLiteral(data)
      assert.equal(JSON.parse(rendered), data)
      assert.equal(parseYamlText(rendered), data)
      assert.equal(parseYamlText(rendered, { version: '1.1' }), data)
      assert.not.match(rendered, /[\p{Cc}\u2028\u2029]/u)
    }),
    { numRuns: 200 },
  )
})

breakout('what a language can not hold is refused with the value, never mangled', () => {
  for (const text of impossible) {
    assert.match(
      refusal(() => shellQuote(text)),
      /^CONFIG_INVALID ".*" has (?:a NUL|half a surrogate pair) in it/,
    )
    if (text.includes('\0')) continue
    assert.match(
      refusal(() => hclLiteral(['fine', text])),
      /^CONFIG_INVALID .* half a surrogate pair in it, which HCL/,
    )
    assert.match(
      refusal(() => jsonLiteral({ a: [{ [text]: 1 }] })),
      /^CONFIG_INVALID .* half a surrogate pair/,
    )
    assert.match(
      refusal(() => jsonLiteral(['a', text])),
      /^CONFIG_INVALID .* half a surrogate pair/,
    )
  }
  // HCL replaces it by one character: another file name, another password.
  assert.match(
    refusal(() => hclLiteral('caf\u0065\u0301')),
    /^CONFIG_INVALID .* decomposed character/,
  )
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, {}, null, undefined]) {
    assert.match(
      refusal(() => hclLiteral(value)),
      /^INTERNAL/,
    )
  }
  assert.ok(refusal(() => shellQuote(`${'x'.repeat(9999)}\0`)).length < 200)
})

breakout.run()
