import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pathsBelow, textOf } from '../helpers/sources.ts'

const templates = suite('templates')
const paths = pathsBelow('templates', (path) => path.endsWith('.hbs'))

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

templates.run()
