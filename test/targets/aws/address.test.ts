import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AwsTarget } from '../../../pipeline/model/aws-target.ts'
import { callersOf } from '../../../pipeline/targets/aws/build/address.ts'
import { refusal } from '../../helpers/refusal.ts'

const address = suite('address of the caller')

const { signal } = new AbortController()
const answering = (text: string) => ({ signal, fetch: async () => new TextEncoder().encode(text) })
const target = (from?: readonly string[]) =>
  AwsTarget.parse({
    account: '123456789012',
    build: { region: 'eu-west-1', ...(from === undefined ? {} : { network: { from } }) },
    regions: ['eu-west-1'],
    encrypt: { key: 'alias/golden' },
  })

address('what the definition says, without asking anybody', async () => {
  const nobody = {
    signal,
    fetch: async () => {
      throw new Error('asked')
    },
  }
  assert.equal(await callersOf(nobody, target(['10.0.0.0/8'])), ['10.0.0.0/8'])
  const error = await refusal(callersOf(nobody, target()))
  assert.is(error.code, 'PROVIDER_UNREACHABLE')
  assert.match(error.hint, 'targets.aws.build.network.from')
})

address('the one address of this machine, and nothing wider, whatever is answered', async () => {
  assert.equal(await callersOf(answering('203.0.113.7\n'), target()), ['203.0.113.7/32'])
  assert.equal(await callersOf(answering('2001:db8::7'), target()), ['2001:db8::7/128'])
  for (const text of ['0.0.0.0/0', '<html>', '', '203.0.113.7/8'])
    assert.match((await refusal(callersOf(answering(text), target()))).message, 'answered')
})

address.run()
