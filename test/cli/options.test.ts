import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { databaseOption, exploitedOption } from '../../pipeline/cli/options.ts'

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

options.run()
