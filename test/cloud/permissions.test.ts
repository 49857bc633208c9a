import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { uncalledActions, unexpectedCalls } from './permissions.ts'
import type { Call } from './stand-in-types.ts'

const permissions = suite('calls against permissions')

const call = (name: string, parameters: Call['parameters'] = {}): Call => {
  const [service = '', action = ''] = name.split(':')
  const about = { region: 'us-east-1', account: null, principal: null, parameters, result: 'ok', ms: 1 }
  return { number: 1, service, action, ...about }
}

permissions('a call that a role may not make is told once', () => {
  const calls = ['sts:GetCallerIdentity', 'ec2:CreateImage', 'ec2:CopyImage', 'ec2:CopyImage', 's3:GET /a']
  assert.equal(
    unexpectedCalls(
      calls.map((name) => call(name)),
      ['builder'],
    ),
    ['ec2:CopyImage'],
  )
  assert.equal(
    unexpectedCalls(
      calls.map((name) => call(name)),
      ['builder', 'publisher'],
    ),
    [],
  )
  assert.equal(unexpectedCalls([call('ec2:BuyTheMoon')], ['builder', 'publisher', 'consumer']), [
    'ec2:BuyTheMoon',
  ])
})

permissions('tags of what is neither an image nor a snapshot come with what makes it', () => {
  const tag = (id: string): Call => call('ec2:CreateTags', { Resources: [id] })
  assert.equal(unexpectedCalls([tag('ami-1'), tag('snap-1')], ['builder']), [])
  assert.equal(unexpectedCalls([tag('i-1')], ['builder']), ['ec2:CreateTags'])
})

permissions('what is allowed and never called is told, but for what AWS asks by itself', () => {
  const left = uncalledActions([call('ec2:RunInstances')], ['builder'])
  assert.ok(left.includes('ec2:CreateImage') && !left.includes('ec2:RunInstances'))
  assert.not.ok(left.includes('kms:CreateGrant') || left.includes('ssm:StartSession'))
})

permissions.run()
