import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { amiDrift, ancestryProblems } from '../../pipeline/core/ami-drift.ts'
import { type DescribedImage, judgeAmi } from '../../pipeline/core/ami-evidence.ts'
import type { AmiAncestor, AmiLock, RegionalAmi } from '../../pipeline/model/ami.ts'
import { askedFor, described, officialAmis, today } from '../helpers/official-ami.ts'

const drift = suite('drift of AMIs')

const own: AmiAncestor = {
  imageId: 'ami-0123456789abcdef0',
  alias: 'amazon',
  source: { imageId: 'ami-0aaaaaaaaaaaaaaaa', region: 'us-east-1' },
}
const root: AmiAncestor = { imageId: 'ami-0aaaaaaaaaaaaaaaa', alias: 'amazon', source: null }

drift('an ancestry begins with the image, has no gap and nobody of the marketplace', () => {
  assert.equal(ancestryProblems([], own.imageId), [])
  assert.equal(ancestryProblems([own, root], own.imageId), [])
  assert.match(ancestryProblems([root], own.imageId)[0] ?? '', 'the ancestry is of ami-0aaaaaaaaaaaaaaaa')
  assert.match(
    ancestryProblems([own, { ...root, alias: 'aws-marketplace' }], own.imageId)[0] ?? '',
    'ancestor ami-0aaaaaaaaaaaaaaaa is of aws-marketplace',
  )
  assert.match(
    ancestryProblems([{ ...own, source: null }, root], own.imageId)[0] ?? '',
    'its ancestry is broken: after ami-0123456789abcdef0, of no source, comes ami-0aaaaaaaaaaaaaaaa',
  )
})

drift('each pinned field that changed is named with both values', () => {
  for (const ami of officialAmis) {
    const image = described(ami)
    const { accepted } = judgeAmi(image, askedFor(ami))
    if (accepted === null) throw new Error('it is refused')
    const { imageId, created, snapshot, deprecation, ...common } = accepted
    const pinned: RegionalAmi = { imageId, created, snapshot, deprecation, ancestry: [own, root] }
    const lock: AmiLock = {
      schema: 1,
      from: 'ami',
      ...common,
      selector: { by: 'name', pattern: 'x' },
      regions: { 'eu-west-1': pinned },
      updated: today.toISOString(),
    }
    assert.equal(amiDrift(lock, pinned, image, [own, root]), [])
    assert.equal(amiDrift(lock, pinned, image, null), [])
    assert.equal(amiDrift(lock, pinned, { ...image, DeprecationTime: '2027-01-01T00:00:00.000Z' }, null), [])
    const changes: Readonly<Partial<Record<keyof DescribedImage, string | boolean | undefined>>> = {
      ImageId: 'ami-0bbbbbbbbbbbbbbbb',
      OwnerId: '999999999999',
      Name: `${ami.name}x`,
      CreationDate: '2026-11-20T00:00:00.000Z',
      Architecture: 'i386',
      BootMode: 'legacy-bios',
      VirtualizationType: 'paravirtual',
      RootDeviceType: 'instance-store',
      RootDeviceName: '/dev/sdz',
      EnaSupport: undefined,
      PlatformDetails: 'Windows',
      UsageOperation: 'RunInstances:0002',
    }
    for (const [field, value] of Object.entries(changes))
      assert.is(amiDrift(lock, pinned, { ...image, [field]: value }, null).length, 1, field)
    assert.equal(amiDrift(lock, pinned, { ...image, OwnerId: '999999999999' }, null), [
      `owner is 999999999999, and ${lock.owner} is pinned`,
    ])
    const other = { ...own, source: { imageId: 'ami-0ccccccccccccccccc', region: 'us-east-1' } }
    assert.equal(amiDrift(lock, pinned, image, [other]), [
      'ancestry is ami-0123456789abcdef0, and ami-0123456789abcdef0 < ami-0aaaaaaaaaaaaaaaa is pinned',
    ])
    // What AWS does without touching the image: a provider is verified, an ancestor is deregistered.
    assert.equal(amiDrift(lock, pinned, { ...image, ImageOwnerAlias: undefined }, [own]), [])
    assert.equal(amiDrift(lock, pinned, image, [{ ...own, alias: null }, root]), [])
  }
})

drift.run()
