import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  keywordsOf,
  mergeSecrets,
  parseSecretRules,
  pathsToRead,
  searchFile,
} from '../../pipeline/core/secret-rules.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { samples } from '../helpers/secret-samples.ts'
import { checkout } from '../helpers/world.ts'

const test = suite('secret-rules')
const file = 'scans/secret-rules.yaml'
const rules = parseSecretRules(readFileSync(`${checkout}/${file}`, 'utf8'), file)

function found(path: string, bytes: Buffer, piece = bytes.length + 1): string[] {
  const search = searchFile(rules, path)
  for (let at = 0; at < bytes.length; at += piece) search.push(bytes.subarray(at, at + piece))
  return search.end().map(({ rule, line }) => `${rule.id}:${line}`)
}

for (const { rule, path, text } of samples) {
  test(`${rule} is found in ${path}`, () => {
    assert.ok(
      found(path, Buffer.from(text)).some((hit) => hit.startsWith(`${rule}:`)),
      text.slice(0, 40),
    )
    const isPicked = keywordsOf(rules).some((keyword) => text.includes(keyword))
    assert.ok(isPicked || pathsToRead(rules, [path]).length === 1, 'the file would be read')
  })
}

test('every rule has a sample', () => {
  const shown = new Set(samples.map(({ rule }) => rule))
  assert.equal(
    rules.map(({ id }) => id).filter((id) => !shown.has(id)),
    [],
  )
})

test('what only looks like a secret is none', () => {
  const harmless = [
    '-----BEGIN PRIVATE KEY-----\nMIIEvQ...\n-----END PRIVATE KEY-----\n',
    'if (strstr(line, "-----BEGIN OPENSSH PRIVATE KEY-----\\n") != NULL) return parse_private_key_of_openssh(line);',
    '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n',
    'aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n',
    'aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n',
    '//registry.example/:_authToken=$' + '{NPM_TOKEN_OF_THE_PIPELINE}\n',
    'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx and glpat-xxxxxxxxxxxxxxxxxxxx',
    'xoxb-your-token-goes-right-here-please',
    'npm_config_cache, npm_package_version_of_the_whole_dependency_tree',
    '{"auths": {"registry.example": {}}}',
    'PrivateKey = %s\n# PrivateKey = <base64>\n',
  ]
  for (const text of harmless) assert.equal(found('usr/share/x', Buffer.from(text)), [], text)
})

test('the line is that of the first match, in a file of any size', () => {
  const [sample] = samples.filter(({ rule }) => rule === 'github-token')
  const before = 'a line without any\n'.repeat(200_000)
  const bytes = Buffer.from(`${before}${sample?.text ?? ''}\n`)
  assert.equal(found('x', bytes), ['github-token:200001'])
  assert.equal(found('x', bytes, 65_536), ['github-token:200001'])
})

test('however a file is cut into pieces, the same is found', () => {
  const all = samples.filter(({ rule }) => !/-password$|kube-token|git-credentials/.test(rule))
  const bytes = Buffer.from(all.map(({ text }) => `${text}\n${'padding '.repeat(3000)}\n`).join(''))
  const whole = found('x', bytes).sort()
  assert.ok(whole.length >= 19)
  fc.assert(
    fc.property(fc.integer({ min: 4000, max: 300_000 }), (piece) => {
      assert.equal(found('x', bytes, piece).sort(), whole)
    }),
    { numRuns: 30 },
  )
})

test('hostile files take no time', () => {
  const began = performance.now()
  const hostile = [
    '-----BEGIN PRIVATE KEY-----'.repeat(20_000),
    `-----BEGIN ${'A '.repeat(100_000)}`,
    `-----BEGIN PRIVATE KEY-----\n${'Aa: b\n'.repeat(100_000)}`,
    '"auths":{"auth":"'.repeat(20_000),
    'PuTTY-User-Key-File-2: x\n'.repeat(20_000),
    `aws_secret_access_key${' '.repeat(300_000)}=`,
    `${'x:'.repeat(200_000)}`,
  ]
  for (const text of hostile) found('root/.pgpass', Buffer.from(text))
  assert.ok(performance.now() - began < 8000, `${performance.now() - began} ms`)
})

test('what both find in a file is one entry', () => {
  const trivy = { rule: 'private-key', path: 'etc/a', severity: 'HIGH' } as const
  const own = { rule: 'private-key', path: 'etc/a', severity: 'CRITICAL', by: 'mintmark', line: 3 } as const
  const other = { ...own, path: 'usr/share/a' }
  const token = { ...own, rule: 'github-token' }
  assert.equal(mergeSecrets([trivy], [own, other, token], rules), [token, { ...trivy, line: 3 }, other])
  const pat = { rule: 'github-pat', path: 'etc/a', severity: 'CRITICAL' } as const
  assert.equal(mergeSecrets([pat], [token], rules), [{ ...pat, line: 3 }])
})

test('a wrong rule is told with its place', () => {
  const refused = (text: string): string => {
    try {
      parseSecretRules(text, file)
    } catch (cause) {
      if (cause instanceof MintmarkError) return cause.lines.join('\n')
      throw cause
    }
    return 'it was taken'
  }
  const rule = (fields: string): string =>
    `schema: 1\nrules:\n  - id: a\n    title: some key\n    severity: HIGH\n${fields}`
  assert.match(
    refused(rule("    keywords: [abcd]\n    regex: '('\n")),
    /secret-rules\.yaml:7:12 .*regular expression/,
  )
  assert.match(refused(rule('    regex: abc\n')), /secret-rules\.yaml:3:\d+ .*keywords, or with paths/)
  assert.match(refused(rule('    keyword: [abcd]\n    regex: abc\n')), /secret-rules\.yaml:6:5 .*keywords/)
  const twice = `${rule('    keywords: [abcd]\n    regex: abc\n')}  - id: a\n    title: some key\n    severity: HIGH\n    keywords: [abcd]\n    regex: abc\n`
  assert.match(refused(twice), /secret-rules\.yaml:8:9 .*once/)
})

test.run()
