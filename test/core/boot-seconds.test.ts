import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bootSecondsFact, slowerBoots } from '../../pipeline/core/boot-seconds.ts'

const seconds = suite('boot seconds')

const now = { accelerator: 'tcg', seconds: [24.4, 26] }
const earlier = { version: '1.0.3', accelerator: 'tcg', seconds: [23, 24] }

seconds('the fact has the times of the release before, and never judges them', () => {
  const slow = bootSecondsFact({ ...now, seconds: [300] }, earlier)
  assert.equal([slow.status, slow.found], ['pass', '300 s (tcg); 1.0.3: 23 s and 24 s'])
  assert.is(bootSecondsFact(now, null).found, '24 s and 26 s (tcg)')
})

seconds('times on another accelerator are not compared', () => {
  const kvm = { ...earlier, accelerator: 'kvm', seconds: [5, 5] }
  assert.is(bootSecondsFact(now, kvm).found, '24 s and 26 s (tcg)')
  assert.is(slowerBoots(now, kvm), null)
})

seconds('without a login it is unknown', () => {
  assert.is(bootSecondsFact({ ...now, seconds: [] }, earlier).status, 'unknown')
  assert.is(slowerBoots({ ...now, seconds: [] }, earlier), null)
})

seconds('more than twice as slow is a warning', () => {
  assert.is(slowerBoots({ ...now, seconds: [47, 47] }, earlier), null)
  assert.is(
    slowerBoots({ ...now, seconds: [48, 48] }, earlier),
    'a new instance needs 48 s and 48 s to a login, at 1.0.3 it was 23 s and 24 s',
  )
  assert.is(slowerBoots(now, null), null)
  assert.is(slowerBoots(now, { ...earlier, seconds: [] }), null)
})

seconds.run()
