import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { digestOfAmi } from '../../pipeline/core/artifact.ts'
import {
  amiArtifact,
  amiChange,
  amiProblems,
  type SeenAmi,
  type SeenSnapshot,
} from '../../pipeline/core/made-ami.ts'

const made = suite('made-ami')

const key = 'arn:aws:kms:eu-west-1:123456789012:key/1'
const tags = { 'mintmark:run': 'r', 'mintmark:image': 'web' }
const disk = (id: string, more: Partial<SeenSnapshot> = {}): SeenSnapshot => ({
  id,
  state: 'completed',
  encrypted: true,
  key,
  gib: 8,
  bytes: null,
  tags,
  ...more,
})
const seen: SeenAmi = {
  imageId: 'ami-0a',
  region: 'eu-west-1',
  owner: '123456789012',
  name: 'mintmark/web/1.0.0/x86_64',
  state: 'available',
  architecture: 'x86_64',
  imds: 'v2.0',
  tags: { ...tags, Name: 'web' },
  sharedWith: [],
  snapshots: [disk('snap-2'), disk('snap-1', { gib: 1 })],
}
const wanted = { account: '123456789012', name: seen.name, arch: 'x86_64', key, tags } as const

made('what a build was to make has no problem', () => {
  assert.equal(amiProblems(seen, wanted), [])
})

const wrong: readonly (readonly [why: string, more: Partial<SeenAmi>, said: string])[] = [
  [
    'of another account',
    { owner: '210987654321' },
    'the owner of ami-0a is 210987654321, expected 123456789012',
  ],
  ['another name', { name: 'x' }, 'the name of ami-0a is x, expected mintmark/web/1.0.0/x86_64'],
  ['another processor', { architecture: 'arm64' }, 'the architecture of ami-0a is arm64, expected x86_64'],
  ['any metadata service', { imds: null }, 'the metadata service of ami-0a is not told, expected v2.0'],
  ['no disk', { snapshots: [] }, 'ami-0a has no disk'],
  ['a plain disk', { snapshots: [disk('snap-1', { encrypted: false })] }, 'snap-1 is not encrypted'],
  [
    'another key on one of two disks',
    { snapshots: [disk('snap-2'), disk('snap-1', { key: 'arn:other' })] },
    `the key of snap-1 is arn:other, expected ${key}`,
  ],
  [
    'a disk that is gone',
    { snapshots: [disk('snap-1', { state: 'gone' })] },
    'the state of snap-1 is gone, expected completed',
  ],
  ['no marks', { tags: { 'mintmark:run': 'other' } }, 'ami-0a lacks the tags mintmark:run, mintmark:image'],
]
for (const [why, more, said] of wrong)
  made(`refused: ${why}`, () => {
    assert.equal(amiProblems({ ...seen, ...more }, wanted), [said])
  })

made('the artifact: ids in order, the digest of them, the root as what an instance gets', () => {
  const artifact = amiArtifact(seen, 'x86_64')
  assert.equal(artifact.snapshotIds, ['snap-1', 'snap-2'])
  assert.is(artifact.sha256, digestOfAmi(artifact))
  assert.equal([artifact.virtualBytes, artifact.bytes], [8 * 2 ** 30, 9 * 2 ** 30])
  const told = { ...seen, snapshots: [disk('snap-1', { bytes: 5 })] }
  assert.is(amiArtifact(told, 'x86_64').bytes, 5)
})

made('a second look: gone, other disks and public are changes; shared by name is none', () => {
  const artifact = amiArtifact(seen, 'x86_64')
  const change = (more: Partial<SeenAmi>): string | null => amiChange(artifact, { ...seen, ...more })
  assert.is(change({}), null)
  assert.is(amiChange(artifact, null), 'ami-0a is gone')
  assert.is(change({ state: 'disabled' }), 'ami-0a is disabled')
  assert.is(change({ owner: '210987654321' }), 'ami-0a is of account 210987654321')
  assert.is(change({ snapshots: [disk('snap-1')] }), 'ami-0a has the disks snap-1')
  assert.is(
    change({ snapshots: [disk('snap-2'), disk('snap-1', { state: 'gone' })] }),
    'snap-1 of ami-0a is gone',
  )
  assert.is(change({ sharedWith: ['ami-0a: 210987654321'] }), null)
  assert.is(change({ sharedWith: ['ami-0a: all'] }), 'ami-0a is public')
  const organization = 'arn:aws:organizations::210987654321:organization/o-abcdefgall'
  assert.is(change({ sharedWith: [`ami-0a: ${organization}`] }), null)
})

made.run()
