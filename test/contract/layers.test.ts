import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { importsOf, pathsBelow, textOf } from '../helpers/sources.ts'

/** Layer -> what it may import: our layers by name, packages by theirs. `port types` are type-only imports of ports. */
const rules: Readonly<Record<string, readonly string[]>> = {
  model: ['model', 'zod'],
  errors: [],
  core: [
    'core',
    'model',
    'errors',
    'handlebars',
    'semver',
    'yaml',
    'zod',
    'fastest-levenshtein',
    'node:crypto',
    'node:path',
  ],
  tools: ['port types'],
  ports: [
    'ports',
    'model',
    'errors',
    'tools',
    'zx/core',
    'semver',
    '@aws-sdk/client-kms',
    '@aws-sdk/client-s3',
    '@aws-sdk/lib-storage',
    '@octokit/plugin-retry',
    '@octokit/plugin-throttling',
    '@octokit/rest',
    '@sigstore/bundle',
    '@sigstore/protobuf-specs',
    '@sigstore/sign',
    '@sigstore/verify',
    'yazl',
    'node:*',
  ],
  targets: [
    'targets',
    'model',
    'core',
    'errors',
    'tools',
    'port types',
    'zod',
    'node:path',
    // A cloud is its SDK: a port between the two would only repeat it.
    '@aws-sdk/client-ebs',
    '@aws-sdk/client-ec2',
    '@aws-sdk/client-kms',
    '@aws-sdk/client-ssm',
    '@aws-sdk/client-sts',
  ],
  engines: ['engines', 'model', 'core', 'errors', 'tools', 'port types', 'target types', 'node:path'],
  stages: [
    'stages',
    'model',
    'core',
    'errors',
    'tools',
    'registries',
    'port types',
    'target types',
    'zod',
    'node:path',
  ],
  cli: [
    'cli',
    'stages',
    'model',
    'core',
    'errors',
    'tools',
    'registries',
    'port types',
    'target types',
    'commander',
    'node:path',
  ],
  main: ['cli', 'ports', 'errors', 'ora', 'node:*'],
}

const layerOf = (path: string): string =>
  /^pipeline\/(?:([a-z]+)\/|([a-z]+)\.ts$)/
    .exec(path)
    ?.slice(1)
    .find((item) => item !== undefined) ?? '?'

function allowed(layer: string, from: string, path: string, typeOnly: boolean): boolean {
  const may = rules[layer] ?? []
  if (!from.startsWith('.')) return may.includes(from) || (from.startsWith('node:') && may.includes('node:*'))
  const target = join(dirname(path), from)
  const to = layerOf(target)
  if (may.includes(to)) return true
  if (to === 'ports' && typeOnly) return may.includes('port types')
  if (to === 'targets' && typeOnly) return may.includes('target types')
  return /^pipeline\/(?:targets|engines)\/registry\.ts$/.test(target) && may.includes('registries')
}

const layers = suite('layers')

layers('every import follows the table', () => {
  const wrong = pathsBelow('pipeline', (path) => path.endsWith('.ts')).flatMap((path) =>
    importsOf(textOf(path))
      .filter(({ from, typeOnly }) => !allowed(layerOf(path), from, path, typeOnly))
      .map(({ from }) => `${path} imports ${from}`),
  )
  assert.equal(wrong, [])
})

layers('the table is looked at for real: a forbidden import is seen', () => {
  const [seen] = importsOf("import { readFile } from 'node:fs/promises'\n")
  assert.is(seen?.from, 'node:fs/promises')
  assert.not.ok(allowed('core', 'node:fs/promises', 'pipeline/core/x.ts', false))
  assert.not.ok(allowed('stages', '../ports/exec.ts', 'pipeline/stages/x.ts', false))
  assert.ok(allowed('stages', '../ports/exec.ts', 'pipeline/stages/x.ts', true))
})

layers.run()
