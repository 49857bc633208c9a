import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { markdownOf } from '../../pipeline/cli/base-markdown.ts'
import { baseRows } from '../../pipeline/cli/base-rows.ts'
import { amiText } from '../../pipeline/cli/base-text.ts'
import { amiBase, amiLock } from '../helpers/ami-release.ts'

const texts = suite('base: an AMI')
const now = new Date('2026-11-22T12:00:00Z')
const { lifecycle } = amiBase

texts('what is pinned, with its owner, its ids and its age', () => {
  const text = amiText('web', amiLock, '90d', ['lifecycle: regular'], now)
  assert.match(text, /^web: debian 13 from an AMI, x86_64\nlifecycle: regular\n/)
  for (const said of [
    /publisher +debian, account 136693071363/,
    /AMI +debian-13-amd64-20260912-2230/,
    /found by +debian-13-amd64-\*/,
    /eu-west-1 +ami-0fedcba9876543210, snapshot snap-0fedcba9876543210, made /,
    /built +2026-09-12, 71 d of at most 90 d, 19 d left/,
  ])
    assert.match(text, said)
})

texts('a move says from what to what, in each region, and by what evidence', () => {
  const pinned = amiLock.regions['eu-west-1']
  assert.ok(pinned)
  const older = { ...pinned, imageId: 'ami-00000000000000001' }
  const from = { ...amiLock, name: 'debian-13-amd64-20260801-2190', regions: { 'eu-west-1': older } }
  const text = markdownOf({ image: 'web', from, to: amiLock, moved: true, suites: [], lifecycle, now })
  assert.match(text, '### Base of web: debian 13, from ami')
  assert.match(text, '| AMI | `debian-13-amd64-20260801-2190` | `debian-13-amd64-20260912-2230` |')
  assert.match(text, '| eu-west-1 | `ami-00000000000000001` | `ami-0fedcba9876543210` |')
  assert.match(text, '- owner `136693071363` (debian), found by `debian-13-amd64-*`')
  assert.match(text, '- eu-west-1: snapshot `snap-0fedcba9876543210`')
  const first = markdownOf({ image: 'web', from: null, to: amiLock, moved: true, suites: [], lifecycle, now })
  assert.match(first, '| eu-west-1 | - | `ami-0fedcba9876543210` |')
})

texts('an auditor reads where it was taken from', () => {
  const rows = baseRows(amiBase).map(([, text]) => text)
  assert.match(rows.join('\n'), 'AMI debian-13-amd64-20260912-2230')
  assert.match(rows.join('\n'), 'ami-0fedcba9876543210 in eu-west-1, snapshot snap-0fedcba9876543210')
  assert.match(rows.join('\n'), `owner 136693071363 (debian), base sha256:${amiBase.id}`)
})

texts.run()
