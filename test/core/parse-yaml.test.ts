import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDefinition } from '../../pipeline/core/check-definition.ts'
import { parseYaml } from '../../pipeline/core/parse-yaml.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { Definition, notYetSupported } from '../../pipeline/model/definition.ts'
import { textOf } from '../helpers/sources.ts'
import { checkout } from '../helpers/world.ts'

const options = {
  path: 'images/x.yaml',
  notYetSupported,
  check: (definition: Definition) =>
    checkDefinition(definition, {
      image: 'x',
      teams: ['team-platform', 'team-security'],
      policies: ['default', 'strict'],
    }),
}

/** The refusal; fails when the text is accepted. */
function refused(text: string): MintmarkError {
  try {
    parseYaml(Definition, text, options)
  } catch (cause) {
    assert.instance(cause, MintmarkError)
    assert.is((cause as MintmarkError).code, 'CONFIG_INVALID')
    return cause as MintmarkError
  }
  throw new Error('it was accepted')
}

const good = textOf('images/debian-13.yaml')

const spoiled = suite('spoiled definitions')
const folder = join(checkout, 'test/golden/definitions')

for (const name of readdirSync(folder).filter((item) => item.endsWith('.yaml'))) {
  const at = join(folder, name.replace(/yaml$/, 'txt'))
  spoiled(`${name.slice(0, -'.yaml'.length)} (UPDATE_GOLDEN=1 writes its message)`, () => {
    const { message, lines } = refused(readFileSync(join(folder, name), 'utf8'))
    const text = `${[message, ...lines].join('\n')}\n`
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(at, text)
    assert.is(text, readFileSync(at, 'utf8'))
  })
}

spoiled.run()

const parsing = suite('parse-yaml')

parsing('the definitions of the checkout are accepted', () => {
  for (const name of ['debian-12', 'debian-13']) {
    const definition = parseYaml(Definition, textOf(`images/${name}.yaml`), { ...options, path: name })
    assert.is(`${definition.os.family}-${definition.os.release}`, name)
  }
})

parsing('each message names the place of one line of the file, and nothing that a terminal acts on', () => {
  for (const name of readdirSync(folder).filter((item) => item.endsWith('.yaml'))) {
    const text = readFileSync(join(folder, name), 'utf8')
    for (const line of refused(text).lines.filter((item) => !item.startsWith('… and'))) {
      const [, at = '0', column = '0'] = /^images\/x\.yaml:(\d+):(\d+) \S/.exec(line) ?? []
      assert.ok(Number(at) >= 1 && Number(at) <= text.split('\n').length, `${name}: ${line}`)
      assert.ok(Number(column) >= 1, `${name}: ${line}`)
      assert.not.match(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u, name)
    }
  }
})

parsing('what is long, deep or many is refused in good time, with at most 30 problems', () => {
  const hostile = [
    `${good}# ${'x'.repeat(1024 * 1024)}\n`,
    `a: ${'['.repeat(300_000)}`,
    `${'{a: '.repeat(50_000)}`,
    `${'- '.repeat(50_000)}a`,
    Array.from({ length: 1300 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'),
    Array.from({ length: 20_000 }, (_, index) => `key${index}: 1`).join('\n'),
    `${good}\n${'"\n'.repeat(999)}`,
  ]
  for (const text of hostile) {
    const began = performance.now()
    const { lines } = refused(text)
    assert.ok(lines.length >= 1 && lines.length <= 31, lines[0])
    assert.ok(performance.now() - began < 10_000, `${text.slice(0, 20)} took too long`)
  }
  assert.match(refused(hostile[5] ?? '').lines.at(-1) ?? '', /^… and \d+ more$/)
})

parsing('whatever the text, it is accepted or refused, and never anything else', () => {
  const pieces = fc.constantFrom(
    ...good.split(/(?<=[\s,{}[\]:"])/),
    '\t',
    '&a ',
    '*a',
    '<<: ',
    '"',
    '---\n',
    '\u202e',
    '{',
    '[',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
      try {
        parseYaml(Definition, parts.join(''), options)
      } catch (cause) {
        assert.instance(cause, MintmarkError, String(cause))
      }
    }),
    { numRuns: 500 },
  )
})

parsing('a check is asked only when the schema is content, and its findings have places', () => {
  const findings = [{ path: ['content', 'ports'], text: 'is not to my taste', atKey: true }]
  let asked = 0
  const check = () => {
    asked += 1
    return findings
  }
  assert.throws(
    () => parseYaml(Definition, good, { path: 'x', check }),
    (error: MintmarkError) => /^x:\d+:3 content\.ports is not to my taste$/.test(error.lines[0] ?? ''),
  )
  assert.throws(() => parseYaml(Definition, good.replace('owner:', 'ownr:'), { path: 'x', check }))
  assert.is(asked, 1)
})

parsing.run()
