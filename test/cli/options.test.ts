import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { databaseOption, emergencyOption, exploitedOption, filledOption } from '../../pipeline/cli/options.ts'
import { MintmarkError } from '../../pipeline/errors.ts'

const options = suite('options')

options('the flag wins over the environment, which has what mintmark.yaml says', () => {
  assert.is(databaseOption({ trivyDb: '/given' }, { MINTMARK_TRIVY_DB: '/set' }), '/given')
  assert.is(databaseOption({}, { MINTMARK_TRIVY_DB: '/set' }), '/set')
  assert.is(databaseOption({}, { MINTMARK_TRIVY_DB: '' }), null)
  assert.is(databaseOption({}, {}), null)
  assert.is(exploitedOption({ knownExploited: '/given' }, { MINTMARK_KNOWN_EXPLOITED: '/set' }), '/given')
  assert.is(exploitedOption({}, { MINTMARK_KNOWN_EXPLOITED: '/set' }), '/set')
  assert.is(exploitedOption({}, {}), null)
})

options('a form that was left empty gives nothing', () => {
  for (const empty of [undefined, '', ' \n']) assert.is(filledOption({ channel: empty }, 'channel'), null)
  assert.is(filledOption({ channel: ' stable' }, 'channel'), 'stable')
})

options('an emergency by flags or by the form of a workflow, never without its reason', () => {
  const form = { MINTMARK_EMERGENCY: 'true', MINTMARK_EMERGENCY_REASON: 'sshd is attacked' }
  assert.is(emergencyOption({ emergency: true, reason: 'because' }, {}), 'because')
  assert.is(emergencyOption({}, form), 'sshd is attacked')
  assert.is(emergencyOption({}, { MINTMARK_EMERGENCY: 'false', MINTMARK_EMERGENCY_REASON: '' }), null)
  assert.is(emergencyOption({}, { MINTMARK_EMERGENCY: '' }), null)
  for (const env of [
    { ...form, MINTMARK_EMERGENCY: 'false' },
    { ...form, MINTMARK_EMERGENCY_REASON: ' ' },
    { ...form, MINTMARK_EMERGENCY: 'yes' },
  ])
    assert.throws(
      () => emergencyOption({}, env),
      (error: unknown) => error instanceof MintmarkError && error.code === 'USAGE',
    )
})

options.run()
