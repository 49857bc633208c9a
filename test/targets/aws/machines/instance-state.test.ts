import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressOf } from '../../../../pipeline/targets/aws/machines/instance-state.ts'

const state = suite('where an instance answers')

const at = (instance: object, from: readonly string[]): string | null =>
  addressOf({ account: '111111111111', instance }, from)
const both = { PublicIpAddress: '198.51.100.9', PrivateIpAddress: '10.0.0.9' }

state('callers from the internet come to its public address, if it has one', () => {
  assert.is(at(both, ['203.0.113.7/32']), '198.51.100.9')
  assert.is(
    at({ ...both, PublicIpAddress: undefined, Ipv6Address: '2001:db8::9' }, ['2001:db8::7/128']),
    '2001:db8::9',
  )
  assert.is(at({ PrivateIpAddress: '10.0.0.9' }, ['203.0.113.7/32']), '10.0.0.9')
  assert.is(at({}, ['203.0.113.7/32']), null)
})

state('callers of the same network come to its private one, which is what the group knows them by', () => {
  for (const range of ['10.0.0.0/8', '172.16.4.0/24', '172.31.255.1/32', '192.168.1.0/24'])
    assert.is(at(both, [range]), '10.0.0.9')
  assert.is(at(both, ['172.32.0.0/16']), '198.51.100.9')
  assert.is(at(both, ['10.0.0.0/8', '203.0.113.7/32']), '198.51.100.9')
})

state.run()
