import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { quietMarkdown } from '../../../pipeline/core/report/quiet-markdown.ts'
import { codeSpan, markdownText } from '../../../pipeline/core/report/render-markdown.ts'
import { hostileText } from '../../helpers/hostile.ts'

const it = suite('quiet-markdown')

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  '#124': '|',
  '#96': '`',
  '#64': '@',
}

/** Text as GitHub has it when it looks for names and numbers: Markdown is read, comments stand between. */
const read = (markdown: string): string =>
  markdown
    .replace(/`[^`\n]*`/g, '')
    .replaceAll('<!-- -->', '\0')
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
    .replace(/&([a-z]+|#\d+);/g, (all, name) => entities[name] ?? all)

const speaks = /@[\w-]|#\w|gh-\d|https?:\/\/|www\./i

it('names, numbers and addresses of others are said to nobody', () => {
  const said = quietMarkdown(
    markdownText('@octocat fixes #1, corp/other#2, GH-3, https://github.com/a/b/issues/4 www.x.y'),
  )
  assert.is(
    said,
    '&#64;<!-- -->octocat fixes \\#<!-- -->1, corp/other\\#<!-- -->2, GH-<!-- -->3, https:<!-- -->//github.com/a/b/issues/4 www<!-- -->.x.y',
  )
  assert.not.match(read(said), speaks)
})

it('the page alone would speak: an escape does not help', () => {
  assert.match(read(markdownText('@octocat')), speaks)
  assert.match(read(markdownText('#1')), speaks)
})

it('whatever stands around them', () => {
  const word = fc.constantFrom(
    '@a',
    '#1',
    'fixes #1',
    'GH-1',
    'https://github.com/a/b/pull/1',
    'a/b#1',
    '\\@a',
    '&#64;a',
    '`@a`',
    '&commat;a',
    '[x](https://a.example)',
    '<https://a.example>',
  )
  fc.assert(
    fc.property(hostileText, word, hostileText, (before, said, after) => {
      const page = `- ${markdownText(before + said + after)}\n| ${codeSpan(before + said + after)} |`
      assert.not.match(read(quietMarkdown(page)), speaks)
    }),
  )
})

it('our own links, entities and code stay', () => {
  const own =
    '[run](https://github.com/corp/images/actions/runs/1) `./mintmark show a@1.0.0 #1` &lt;b&gt; \\_x\\_ a &#124; b'
  assert.is(quietMarkdown(own), own)
})

it.run()
