import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { helpText } from '../../pipeline/cli/help.ts'
import { parse } from '../../pipeline/cli/parse.ts'
import { verbs } from '../../pipeline/cli/verbs.ts'
import type { MintmarkError } from '../../pipeline/errors.ts'

const parsing = suite('parse')

async function usage(...argv: string[]): Promise<string> {
  try {
    await parse(argv)
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'USAGE')
    return (cause as MintmarkError).message
  }
  throw new Error(`accepted: ${argv.join(' ')}`)
}

parsing('arguments and options reach the verb', async () => {
  const parsed = await parse(['release', 'debian-13', '--yes', '--trivy-db', '/db', '--json'])
  assert.is(parsed.kind, 'verb')
  if (parsed.kind !== 'verb') return
  assert.is(parsed.verb.name, 'release')
  assert.equal(parsed.args, ['debian-13'])
  assert.equal(parsed.options, { yes: true, trivyDb: '/db', json: true })
})

parsing('a misspelt verb, an unknown option, a missing and a surplus argument are told', async () => {
  assert.match(await usage('relase', 'debian-13'), /Did you mean release/)
  assert.match(await usage('release', 'debian-13', '--bogus'), '--bogus')
  assert.match(await usage('release'), 'image')
  assert.match(await usage('setup', 'debian-13'), /argument/)
  assert.match(await usage('scan', 'debian-13', '--trivy-db'), '--trivy-db')
})

parsing('help is text, for all and for one', async () => {
  for (const argv of [[], ['help'], ['--help'], ['-h']]) {
    const parsed = await parse(argv)
    assert.is(parsed.kind, 'help')
    assert.is(parsed.kind === 'help' ? parsed.text : '', helpText(false))
  }
  for (const verb of verbs) {
    const parsed = await parse([verb.name, '--help'])
    assert.is(parsed.kind, 'help')
    assert.match(parsed.kind === 'help' ? parsed.text : '', verb.summary.split(' ').slice(0, 3).join(' '))
  }
})

parsing('help shows at most twelve everyday verbs; the plumbing is behind --all', () => {
  assert.ok(verbs.filter((verb) => verb.group === 'everyday').length <= 12)
  assert.not.match(helpText(false), /^ {2}render/m)
  assert.match(helpText(true), /^ {2}render/m)
})

parsing('every verb loads and has a run', async () => {
  for (const verb of verbs) assert.type((await verb.load()).run, 'function', verb.name)
})

parsing.run()
