import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseRepository, subjectNote } from '../../pipeline/core/github-repository.ts'

const repository = suite('repository at GitHub')

repository('with ids and without: its name is the same, the subject of its jobs is not', () => {
  assert.equal(parseRepository('corp/golden-images'), {
    name: 'corp/golden-images',
    subject: 'repo:corp/golden-images',
    hasIds: false,
  })
  assert.equal(parseRepository('corp@1/golden-images@123'), {
    name: 'corp/golden-images',
    subject: 'repo:corp@1/golden-images@123',
    hasIds: true,
  })
})

for (const text of [
  'corp',
  'corp/../images',
  'corp@1/images',
  'corp/images@2',
  'corp@x/images@2',
  'corp@/images@',
  'corp@1/images@2@3',
  'corp@*/images@*',
  'corp/*',
  'corp/images\n',
])
  repository(`${JSON.stringify(text)} is none`, () => {
    assert.is(parseRepository(text), null)
  })

repository('without ids both forms are named, and where to read the right one', () => {
  const named = parseRepository('corp/images')
  assert.ok(named)
  const note = subjectNote(named) ?? ''
  for (const part of [
    'repo:corp/images:...',
    'repo:corp@OWNER-ID/images@ID:...',
    'gh api repos/corp/images/actions/oidc/customization/sub --jq .sub_claim_prefix',
    '--repository corp@OWNER-ID/images@ID',
  ])
    assert.ok(note.includes(part), part)
  const given = parseRepository('corp@1/images@2')
  assert.ok(given)
  assert.is(subjectNote(given), null)
})

repository.run()
