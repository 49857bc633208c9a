import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pathsBelow, textOf } from '../helpers/sources.ts'

const sources = suite('sources')
const pipeline = pathsBelow('pipeline', (path) => path.endsWith('.ts'))

/** What only some files may say, with the reason in the name. */
const fences: readonly { readonly name: string; readonly sign: RegExp; readonly only: RegExp }[] = [
  { name: 'zx runs processes in one place', sign: /from 'zx/, only: /^pipeline\/ports\/exec\.ts$/ },
  {
    name: 'time comes from the clock port',
    sign: /\bnew Date\(\)|\bDate\.now\(/,
    only: /^pipeline\/ports\/clock\.ts$/,
  },
  {
    name: 'chance comes from ports',
    sign: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(/,
    only: /^pipeline\/ports\//,
  },
  { name: 'only main ends the process', sign: /\bprocess\.exit/, only: /^pipeline\/main\.ts$/ },
  {
    name: 'only ports and main see the process',
    sign: /\bprocess\.(?:env|argv|pid|getuid|kill|on|cwd|std)/,
    only: /^pipeline\/(?:ports\/|main\.ts$)/,
  },
  { name: 'nothing prints but the reporter', sign: /\bconsole\.(?:log|error|warn|info)\(/, only: /^$/ },
  {
    name: 'SDKs are loaded when they are needed',
    sign: /^import (?!type )[^']*'@(?:aws-sdk|octokit|sigstore)\//m,
    only: /^$/,
  },
  { name: 'no default export', sign: /^export default/m, only: /^$/ },
]

for (const { name, sign, only } of fences) {
  sources(name, () => {
    assert.equal(
      pipeline.filter((path) => sign.test(textOf(path)) && !only.test(path)),
      [],
    )
  })
}

sources('modules fit in the head', () => {
  const long = pathsBelow('.', (path) => path.endsWith('.ts') && !path.includes('/dist/')).filter(
    (path) => textOf(path).split('\n').length > 401,
  )
  assert.equal(long, [])
})

sources('names are kebab-case and never utils', () => {
  assert.equal(
    pipeline.filter(
      (path) => !/^[a-z0-9-]+\.ts$/.test(path.split('/').at(-1) ?? '') || /utils?\.ts$|index\.ts$/.test(path),
    ),
    [],
  )
})

sources.run()
