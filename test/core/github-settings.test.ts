import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import {
  catalogActions,
  environmentLines,
  githubSettings,
  signingActions,
} from '../../pipeline/core/github-settings.ts'
import { pathsBelow, textOf } from '../helpers/sources.ts'

const settings = suite('settings of a repository at GitHub')

const texts = new Map(
  pathsBelow('.github/workflows', (path) => path.endsWith('.yml')).map((path) => [
    path.replace(/^.*\//, ''),
    textOf(path),
  ]),
)
const { environments } = githubSettings(texts)

const linesOf = (name: string): string => {
  const found = environments.find((item) => item.name === name)
  assert.ok(found, name)
  return environmentLines('corp/images', found).join('\n')
}

settings('what the catalog takes is what its code calls', () => {
  const called = pathsBelow('pipeline/ports', (path) => /\/s3-[\w-]+\.ts$/.test(path)).flatMap((path) =>
    [...textOf(path).matchAll(/\baction: '(s3:\w+)'/g)].map(([, action = '']) => action),
  )
  const { bucket, objects } = catalogActions['reads and writes']
  // Of uploads that never ended only `catalog check` asks; one that fails is ended, which is no call of its own in the code.
  const expected = [...bucket, ...objects, 's3:ListBucketMultipartUploads']
  assert.equal(
    [...new Set(called)].sort(),
    expected.filter((action) => action !== 's3:AbortMultipartUpload').sort(),
  )
  for (const { bucket: on, objects: within } of [catalogActions.reads])
    for (const action of [...on, ...within]) assert.match(action, /^s3:(?:Get|List)/)
})

settings('what the key takes is what its signer calls: all of it to sign, its public half to know it', () => {
  const called = [...textOf('pipeline/ports/sign-kms.ts').matchAll(/new (?:sdk\.)?(\w+)Command\(/g)].map(
    ([, name = '']) => `kms:${name}`,
  )
  assert.equal([...new Set(called)].sort(), [...signingActions.signs].sort())
  assert.equal(signingActions['is known'], ['kms:GetPublicKey'])
})

settings('who plans takes the role of a reader, and knows the key; nothing there writes or signs', () => {
  const lines = linesOf('share-plan')
  assert.match(lines, '  rights      ./mintmark policy TARGET --role reader; reads the catalog\n')
  assert.match(
    lines,
    '  s3://       s3:ListBucket on the bucket; s3:GetObject on its objects; kms:Decrypt on a key of yours that encrypts them\n',
  )
  assert.match(lines, '  kms:        kms:GetPublicKey on the key that signs: ')
  assert.not.match(lines, /s3:Put|kms:Sign|publisher|session/)
})

settings('every other environment signs, and writes to the catalog', () => {
  for (const { name } of environments.filter((item) => item.name !== 'share-plan')) {
    const lines = linesOf(name)
    assert.match(lines, '  kms:        kms:GetPublicKey, kms:Sign on the key that signs\n')
    assert.match(lines, /s3:GetObject, s3:PutObject, s3:AbortMultipartUpload on its objects/)
  }
})

interface Job {
  readonly 'timeout-minutes': number
  readonly environment?: string
  readonly steps: readonly { readonly uses?: string; readonly with?: Readonly<Record<string, unknown>> }[]
}
const jobs = [...texts].flatMap(([file, text]) =>
  Object.entries((parse(text) as { readonly jobs: Readonly<Record<string, Job>> }).jobs).map(([id, job]) => ({
    name: `${file} ${id}`,
    job,
  })),
)

settings('a session of AWS lasts as long as the job may, and its role is told to allow that', () => {
  let long = 0
  for (const { name, job } of jobs)
    for (const { uses = '', with: given } of job.steps) {
      if (!uses.startsWith('aws-actions/configure-aws-credentials@')) continue
      // The action's own is an hour.
      const seconds = Number(given?.['role-duration-seconds'] ?? 3600)
      assert.ok(seconds >= job['timeout-minutes'] * 60, `${name}: ${seconds} seconds`)
      if (seconds === 3600) continue
      long += 1
      assert.match(
        linesOf(job.environment ?? ''),
        `  session     2 hours: the role's maximum session duration has to be ${seconds} seconds or more; `,
      )
    }
  assert.is(long, 4)
  for (const name of ['rescan', 'share-plan']) assert.not.match(linesOf(name), 'maximum session duration')
})

settings.run()
