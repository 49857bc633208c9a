import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AskedAmi, type DescribedImage, judgeAmi } from '../../pipeline/core/ami-evidence.ts'
import { amiOwners } from '../../pipeline/core/ami-owners.ts'
import { lifecycleRow } from '../../pipeline/core/lifecycle.ts'
import { AmiLock } from '../../pipeline/model/ami.ts'
import {
  askedFor,
  described,
  type OfficialAmi,
  officialAmis,
  ownerOf,
  today,
} from '../helpers/official-ami.ts'

const evidence = suite('evidence of AMIs')

const [debian] = officialAmis as readonly [OfficialAmi]
const rhel: OfficialAmi = officialAmis.find((ami) => ami.family === 'rhel') ?? debian

/** The only reason against it; throws when there is another number of them. */
function onlyReason(image: DescribedImage, asked: AskedAmi = askedFor(debian)): string {
  const { refused } = judgeAmi(image, asked)
  assert.is(refused.length, 1, refused.join('\n'))
  return refused[0] ?? ''
}

/** A lock of an AMI as it was accepted. */
function lockOf(ami: OfficialAmi, image: DescribedImage = described(ami)): AmiLock {
  const { accepted } = judgeAmi(image, { ...askedFor(ami), maxAge: '9999d' })
  if (accepted === null) throw new Error('it is refused')
  const { imageId, created, snapshot, deprecation, ...common } = accepted
  return AmiLock.parse({
    schema: 1,
    from: 'ami',
    ...common,
    selector: { by: 'name', pattern: 'x' },
    regions: { 'eu-west-1': { imageId, created, snapshot, deprecation, ancestry: null } },
    updated: today.toISOString(),
  })
}

evidence('the official AMIs of every owner are accepted, and a lock can hold them', () => {
  for (const ami of officialAmis) {
    const { accepted, refused } = judgeAmi(described(ami), askedFor(ami))
    assert.equal([...refused], [], ami.name)
    assert.is(accepted?.owner, ownerOf(ami.family).account)
    assert.is(accepted?.snapshot, 'snap-0123456789abcdef0')
    assert.ok(AmiLock.safeParse(lockOf(ami)).success)
  }
})

evidence('each wrong fact is a reason of its own', () => {
  const image = described(debian)
  const wrong: readonly (readonly [Partial<DescribedImage>, string])[] = [
    [{ OwnerId: '136693071364' }, 'owner is 136693071364, expected 136693071363 (Debian cloud team)'],
    [{ ImageOwnerAlias: 'aws-marketplace' }, 'alias is aws-marketplace, expected none or amazon'],
    [{ Name: 'debian-12-backports-amd64-20261110-2294' }, 'name is'],
    [{ Name: 'debian-12-amd64-20261399-1' }, 'has no day of the calendar in it'],
    [{ CreationDate: 'May 1' }, 'creation date is May 1'],
    [{ Public: false }, 'public is false'],
    [{ Public: undefined }, 'public is not told'],
    [{ ProductCodes: [{ ProductCodeId: 'a1b2c3' }] }, 'product code a1b2c3: an image of AWS Marketplace'],
    [{ ImageAllowed: false }, 'allowed AMIs'],
    [{ State: 'pending' }, 'state is pending'],
    [{ ImageType: 'kernel' }, 'type is kernel'],
    [{ Architecture: 'arm64' }, 'architecture is arm64, expected x86_64'],
    [{ VirtualizationType: 'paravirtual' }, 'virtualization is paravirtual'],
    [{ RootDeviceType: 'instance-store' }, 'root device is instance-store'],
    [{ RootDeviceName: '/dev/sda1' }, 'root device /dev/sda1 names no snapshot'],
    [{ EnaSupport: undefined }, 'ENA support is not told'],
    [{ BootMode: 'openfirmware' }, 'boot mode is openfirmware'],
    [{ Platform: 'windows' }, 'platform is windows'],
    [{ UsageOperation: 'RunInstances:0002' }, 'billed as Linux/UNIX (RunInstances:0002)'],
    [{ CreationDate: '2026-11-25T00:00:00.000Z' }, "after this machine's clock"],
    [{ CreationDate: '2026-11-01T00:00:00.000Z' }, 'an older build under a newer name'],
    [{ DeprecationTime: '2026-11-22T12:00:00.000Z' }, 'its owner deprecated it on 2026-11-22'],
    [{ DeprecationTime: 'soon' }, 'its owner deprecated it on soon'],
    [{ ImageId: 'i-0123456789abcdef0' }, 'its id is i-0123456789abcdef0'],
  ]
  for (const [change, reason] of wrong) {
    const said = judgeAmi({ ...image, ...change }, askedFor(debian)).refused
    assert.ok(
      said.some((line) => line.includes(reason)),
      `${reason}: ${said.join('; ')}`,
    )
    assert.is(judgeAmi({ ...image, ...change }, askedFor(debian)).accepted, null)
  }
  const encrypted = [
    { DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-0123456789abcdef0', Encrypted: true } },
  ]
  assert.match(onlyReason({ ...image, BlockDeviceMappings: encrypted }), 'encrypted')
  // All at once, not the first alone.
  assert.is(judgeAmi({ ...image, Public: false, EnaSupport: false }, askedFor(debian)).refused.length, 2)
  assert.ok(judgeAmi({}, askedFor(debian)).refused.length > 10)
})

evidence('boot modes: BIOS or none on x86_64 alone', () => {
  const arm = officialAmis.find((ami) => ami.arch === 'aarch64') ?? debian
  const { BootMode: _, ...silent } = described(debian)
  assert.is(judgeAmi(silent, askedFor(debian)).accepted?.bootMode, null)
  assert.ok(judgeAmi({ ...described(debian), BootMode: 'legacy-bios' }, askedFor(debian)).accepted)
  assert.match(
    onlyReason({ ...described(arm), BootMode: 'legacy-bios' }, askedFor(arm)),
    'no image of aarch64',
  )
})

evidence('RHEL is the one that AWS bills for Red Hat, and no other edition', () => {
  const image = described(rhel)
  assert.is(judgeAmi(image, askedFor(rhel)).accepted?.usageOperation, 'RunInstances:0010')
  for (const [PlatformDetails, UsageOperation] of [
    ['Red Hat BYOL Linux', 'RunInstances:00g0'],
    ['Red Hat Enterprise Linux with HA', 'RunInstances:1010'],
    ['Linux/UNIX', 'RunInstances'],
  ] as const)
    assert.match(
      onlyReason({ ...image, PlatformDetails, UsageOperation }, askedFor(rhel)),
      'expected Red Hat Enterprise Linux (RunInstances:0010)',
    )
  assert.match(
    onlyReason({ ...image, Name: 'RHEL-9.8.0_HVM-20261028-x86_64-0-Access2-GP3' }, askedFor(rhel)),
    'name is "RHEL-9.8.0_HVM-20261028-x86_64-0-Access2-GP3"',
  )
})

evidence('an aged one, one past its life, one of a release that nobody knows', () => {
  const image = described(debian)
  const asked = askedFor(debian)
  assert.match(onlyReason(image, { ...asked, maxAge: '11d' }), '12 days old, older than 11d')
  assert.is(judgeAmi(image, { ...asked, maxAge: '12d' }).refused.length, 0)
  assert.match(
    onlyReason(image, { ...asked, lifecycle: lifecycleRow({ family: 'debian', release: '11' }) }),
    'debian 12 gets updates only by extended support (until 2031-06-30)',
  )
  assert.match(onlyReason(image, { ...asked, lifecycle: null }), 'is not in the lifecycle data')
})

evidence('nothing older than the lock, by its name and by when it was made', () => {
  const asked = askedFor(debian)
  const before = described({ ...debian, name: 'debian-12-amd64-20261109-2290' })
  const earlier = lockOf(debian)
  assert.match(
    onlyReason(before, { ...asked, earlier }),
    'older than what the lock pins, debian-12-amd64-20261110-2294',
  )
  const sameDay = described({ ...debian, name: 'debian-12-amd64-20261110-2293' })
  assert.match(onlyReason(sameDay, { ...asked, earlier }), 'older than what the lock pins')
  assert.is(judgeAmi(described(debian), { ...asked, earlier }).refused.length, 0)
  // The same name again, made before the one that is pinned.
  const remade = {
    ...described(debian),
    ImageId: 'ami-0aaaaaaaaaaaaaaaa',
    CreationDate: '2026-11-10T10:00:00.000Z',
  }
  assert.match(onlyReason(remade, { ...asked, earlier }), 'older than what the lock pins')
  // A newer minor release counts for more than a later day of an older one.
  const stream = described({ ...rhel, name: 'RHEL-9.6.0_HVM-20261115-x86_64-0-Hourly2-GP3' })
  assert.match(
    onlyReason(stream, { ...askedFor(rhel), earlier: lockOf(rhel) }),
    'older than what the lock pins',
  )
})

const text = fc.oneof(fc.string({ maxLength: 20 }), fc.constant(undefined))
const flag = fc.constantFrom(true, false, undefined)
const day = fc.date({ min: new Date('2026-08-01'), max: new Date('2026-12-31'), noInvalidDate: true })

/** Changes to an official image: each kind often, so that what is refused for one thing alone is met. */
const change: fc.Arbitrary<Partial<DescribedImage>> = fc.oneof(
  fc.constant({}),
  fc.record({ OwnerId: fc.oneof(text, fc.constantFrom(...amiOwners.map((owner) => owner.account))) }),
  fc.record({ ProductCodes: fc.array(fc.record({ ProductCodeId: text }), { maxLength: 2 }) }),
  fc.record({
    DeprecationTime: fc.oneof(
      text,
      day.map((date) => date.toISOString()),
    ),
  }),
  fc.record({ Architecture: fc.constantFrom('x86_64', 'arm64', 'i386', undefined) }),
  fc.record({ RootDeviceType: fc.constantFrom('ebs', 'instance-store', undefined) }),
  fc.record({ Public: flag, EnaSupport: flag }),
  fc.record({
    CreationDate: fc.oneof(
      text,
      day.map((date) => date.toISOString()),
    ),
  }),
  fc.record({
    Name: day.map((date) => `debian-12-amd64-${date.toISOString().slice(0, 10).replaceAll('-', '')}-1`),
  }),
)

evidence('whatever EC2 answers: an accepted image is official, current and of the machine asked for', () => {
  const earlier = lockOf({ ...debian, name: 'debian-12-amd64-20261001-7' })
  fc.assert(
    fc.property(
      fc.constantFrom(...officialAmis),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (ami, changes, locked) => {
        const image: DescribedImage = Object.assign({}, described(ami), ...changes)
        const asked = { ...askedFor(ami), earlier: locked && ami.family === 'debian' ? earlier : null }
        const { accepted, refused } = judgeAmi(image, asked)
        assert.is(accepted === null, refused.length > 0)
        if (accepted === null) return
        assert.is(image.OwnerId, ownerOf(ami.family).account)
        assert.equal(image.ProductCodes ?? [], [])
        assert.is(image.Architecture, ami.arch === 'x86_64' ? 'x86_64' : 'arm64')
        assert.is(image.RootDeviceType, 'ebs')
        assert.ok(image.Public && image.EnaSupport)
        assert.ok(image.DeprecationTime === undefined || Date.parse(image.DeprecationTime) > today.getTime())
        assert.ok(today.getTime() - Date.parse(accepted.built) < 91 * 86_400_000)
        if (asked.earlier !== null && ami.release === '12')
          assert.ok(Date.parse(accepted.built) >= Date.parse(asked.earlier.built))
      },
    ),
    { numRuns: 2000 },
  )
})

evidence.run()
