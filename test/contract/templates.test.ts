import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pathsBelow, textOf } from '../helpers/sources.ts'

const templates = suite('templates')
const isPage = (path: string): boolean => path.endsWith('.html.hbs')
const paths = pathsBelow('templates', (path) => path.endsWith('.hbs') && !isPage(path))

/** Mustaches that do not escape for their language, or that stand below the header. */
function wrong(path: string, text: string): readonly string[] {
  const helper = path.endsWith('.pkr.hcl.hbs')
    ? /^\{\{hcl \w+\}\}$/
    : path.endsWith('.sh.hbs')
      ? /^\{\{sh \w+\}\}$/
      : /^\{\{json \w+\}\}$/
  const found: string[] = []
  for (const match of text.matchAll(/\{\{\{?[^}]*\}?\}\}/g)) {
    const line = text.slice(0, match.index).split('\n').length
    const whole = text.split('\n')[line - 1] ?? ''
    if (!helper.test(match[0])) found.push(`${path}:${line} ${match[0]} does not escape`)
    // One value a line: an assignment in HCL (a locals block, or the plugin's version), or of a shell variable.
    else if (!/^\s*\w+\s*=\s*\{\{hcl \w+\}\}$|^[A-Z_]+=\{\{sh \w+\}\}$/.test(whole))
      found.push(`${path}:${line} ${match[0]} is no plain assignment`)
    else if (path.endsWith('.sh.hbs') && text.slice(0, match.index).includes('\nset -eu'))
      found.push(`${path}:${line} ${match[0]} is below the header`)
  }
  return found
}

templates('values enter only through an escaping helper, in the header', () => {
  assert.ok(paths.length > 4)
  assert.equal(
    paths.flatMap((path) => wrong(path, textOf(path))),
    [],
  )
})

templates('a bare value is seen', () => {
  assert.is(wrong('x.sh.hbs', 'A={{a}}\nset -eu\n').length, 1)
  assert.is(wrong('x.sh.hbs', 'A={{sh a}}\nset -eu\necho {{sh b}}\n').length, 1)
  assert.is(wrong('x.pkr.hcl.hbs', 'locals {\n  a = {{hcl a}}\n}\n').length, 0)
})

/** Pages escape by themselves; these are the places where that is not enough. */
function wrongOfPage(path: string, text: string): readonly string[] {
  const found: string[] = []
  for (const match of text.matchAll(/\{\{[^}]*\}\}\}?/g)) {
    const at = `${path}:${text.slice(0, match.index).split('\n').length} ${match[0]}`
    const before = text.slice(0, match.index)
    const tag = before.slice(before.lastIndexOf('<'))
    const isBlock = /^\{\{(?:#(?:each|if) [\w.@]+|else|\/(?:each|if))\}\}$/.test(match[0])
    if (!isBlock && !/^\{\{[\w.@]+\}\}$/.test(match[0])) found.push(`${at} does not escape`)
    if (/^<(?:script|style)>/.test(tag)) found.push(`${at} is in a script or a style`)
    // Inside a tag a value stands between double quotes; a block may bring a whole attribute.
    if (!isBlock && !tag.includes('>') && (tag.split('"').length - 1) % 2 === 0)
      found.push(`${at} has no quotes around it`)
    if (/\s(?:on\w+|style|src|srcdoc|action)="[^"]*$/.test(tag)) found.push(`${at} would run or load`)
  }
  return found
}

templates('pages escape every value, and load nothing', () => {
  const pages = pathsBelow('templates', isPage)
  assert.ok(pages.length > 0)
  assert.equal(
    pages.flatMap((path) => wrongOfPage(path, textOf(path))),
    [],
  )
  for (const path of pages)
    assert.not.match(textOf(path), /<(?:img|iframe|object|embed|form|base)\b|\bsrc=|@import|url\(/i)
})

templates('a value of a page that does not escape is seen', () => {
  for (const text of [
    '<p>{{{a}}}</p>',
    '<p>{{&a}}</p>',
    '<p title={{a}}>',
    '<p onclick="{{a}}">',
    '<p style="{{a}}">',
    '<script>{{a}}</script>',
    '<style>{{a}}</style>',
    '<p>{{> part}}</p>',
  ])
    assert.ok(wrongOfPage('x.html.hbs', text).length > 0, text)
  assert.equal(wrongOfPage('x.html.hbs', '<p class="{{a}}"{{#if b}} open{{/if}}>{{c}}</p>'), [])
})

templates.run()
