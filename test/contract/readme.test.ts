import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verbs } from '../../pipeline/cli/verbs.ts'
import { errorTable } from '../../pipeline/errors.ts'
import { pathsBelow, textOf } from '../helpers/sources.ts'

const readme = suite('readme')
const text = textOf('README.md')
const rows = text.split('\n').filter((line) => line.startsWith('|'))

readme('every error code stands in the row of its exit code', () => {
  const wrong = Object.entries(errorTable)
    .filter(
      ([code, { exit }]) =>
        !rows.some(
          (row) => row.includes(`\`${code}\``) && new RegExp(`^\\| (?:\\d+ / )?${exit}\\b`).test(row),
        ),
    )
    .map(([code]) => code)
  assert.equal(wrong, [])
})

readme('every verb is named', () => {
  assert.equal(
    verbs.filter((verb) => !text.includes(`\`${verb.name}`)).map((verb) => verb.name),
    [],
  )
})

readme('the two commands are there, each in one line', () => {
  assert.match(text, /^npm ci && \.\/mintmark release debian-13 --yes/m)
  assert.match(text, /^npm ci && npm test/m)
})

/** One line of Markdown as it is read: without escapes, and cells without the blanks around them. */
const read = (line: string): string =>
  line
    .trim()
    .replace(/^summary (?=.)/, '')
    .replaceAll('&#64;', '@')
    .replace(/\\(?=[\\`*_{}[\]()#+.!|~<>-])/g, '')
    .replace(/ *\| */g, '|')

readme('what is quoted of pages and issues is what the workflows said', () => {
  const golden = pathsBelow('test/golden/workflows', () => true)
  const said = new Set(golden.flatMap((path) => textOf(path).split('\n').map(read)))
  const [, team = ''] = /^## Use it in your team\n(.*?)^## /ms.exec(text) ?? []
  const passages = team.split(/^\*\*/m).slice(1)
  const quotes = (passage: string): readonly string[] =>
    [...passage.matchAll(/^> (.+)$/gm)].map(([, line = '']) => read(line))
  assert.equal(
    passages.flatMap(quotes).filter((line) => !said.has(line)),
    [],
  )
  for (const about of ['A night.', 'A release.', 'A share.', 'The worst night.']) {
    const passage = passages.find((of) => of.startsWith(`${about}**`)) ?? ''
    assert.ok(
      quotes(passage).some((line) => line.startsWith('|') && !/^\|-/.test(line)),
      about,
    )
  }
})

readme.run()
