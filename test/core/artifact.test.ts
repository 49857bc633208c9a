import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { digestOfAmi, nameOfArtifact, recordedArtifact } from '../../pipeline/core/artifact.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { Artifact, RecordedArtifact } from '../../pipeline/model/artifact.ts'
import { ami } from '../helpers/ami-release.ts'

const artifacts = suite('artifact')

const file = { path: '/runs/r-1/image.qcow2', sha256: sha256('image'), bytes: 5, virtualBytes: 4 * 2 ** 30 }

artifacts('a file of before there was another format is one of qcow2', () => {
  assert.equal(Artifact.parse(file), { format: 'qcow2', ...file })
  assert.equal(Artifact.parse(ami), ami)
  for (const wrong of [
    { ...file, format: 'ami' },
    { ...ami, path: '/x' },
    { ...file, imageId: ami.imageId },
  ])
    assert.not.ok(Artifact.safeParse(wrong).success, JSON.stringify(wrong))
})

artifacts('a record has no path, and of an AMI all its ids', () => {
  const { path: _, ...rest } = file
  assert.equal(recordedArtifact(Artifact.parse(file)), { format: 'qcow2', ...rest })
  assert.equal(recordedArtifact(ami), ami)
  for (const artifact of [recordedArtifact(Artifact.parse(file)), ami])
    assert.equal(RecordedArtifact.parse(artifact), artifact)
  assert.not.ok(RecordedArtifact.safeParse(file).success, 'a record says its format')
})

artifacts('names are for people', () => {
  assert.is(nameOfArtifact(Artifact.parse(file)), '/runs/r-1/image.qcow2')
  assert.is(nameOfArtifact(ami), 'ami-0123456789abcdef0 in eu-west-1 of the account 123456789012')
})

artifacts('the digest changes with every id, and not with the order of the disks', () => {
  const id = fc.stringMatching(/^[0-9a-f]{17}$/)
  const ids = fc.record({
    account: fc.stringMatching(/^[0-9]{12}$/),
    region: fc.constantFrom('eu-west-1', 'us-east-1', 'ap-southeast-2'),
    imageId: id.map((hex) => `ami-${hex}`),
    snapshotIds: fc.uniqueArray(
      id.map((hex) => `snap-${hex}`),
      { minLength: 1, maxLength: 4 },
    ),
  })
  fc.assert(
    fc.property(ids, ids, (a, b) => {
      assert.is(digestOfAmi({ ...a, snapshotIds: [...a.snapshotIds].reverse() }), digestOfAmi(a))
      for (const key of ['account', 'region', 'imageId', 'snapshotIds'] as const) {
        const changed = { ...a, [key]: b[key] }
        const same = JSON.stringify([a[key]].flat().sort()) === JSON.stringify([b[key]].flat().sort())
        assert.is(digestOfAmi(changed) === digestOfAmi(a), same)
      }
    }),
  )
})

artifacts.run()
