import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DescribedImage } from '../../../pipeline/core/ami-evidence.ts'
import { AmiBase, AmiLock } from '../../../pipeline/model/ami.ts'
import { lockAmi } from '../../../pipeline/targets/aws/base/lock.ts'
import { observeAmi } from '../../../pipeline/targets/aws/base/observe.ts'
import { resolveAmi } from '../../../pipeline/targets/aws/base/resolve.ts'
import { type AwsCalls, awsCalls } from '../../../pipeline/targets/aws/client.ts'
import { amiAnswers, type Region } from '../../helpers/ami-server.ts'
import { type AwsAnswers, startAwsAnswers } from '../../helpers/aws-answers.ts'
import { fakeCredentials } from '../../helpers/moto-server.ts'
import { described, type OfficialAmi, officialAmis, ownerOf, today } from '../../helpers/official-ami.ts'
import { refusal } from '../../helpers/refusal.ts'

const base = suite('AMIs as a base')

let fake: ReturnType<typeof fakeCredentials>
base.before(() => {
  fake = fakeCredentials()
})
base.after(() => fake.restore())

type Regions = Readonly<Record<string, Region>>

async function inRegions<T>(
  regions: Regions,
  work: (at: (region: string) => AwsCalls, server: AwsAnswers) => Promise<T>,
): Promise<T> {
  const server = await startAwsAnswers(amiAnswers(regions))
  const opened: AwsCalls[] = []
  const at = (region: string): AwsCalls => {
    const calls = awsCalls({
      region,
      endpoint: server.endpoint,
      signal: new AbortController().signal,
      attempts: 1,
    })
    opened.push(calls)
    return calls
  }
  try {
    return await work(at, server)
  } finally {
    for (const calls of opened) calls.close()
    await server.close()
  }
}

const inputOf = (
  calls: AwsCalls,
  { family, release, arch }: OfficialAmi,
  earlier: AmiLock | null = null,
) => ({
  calls,
  image: 'web',
  family,
  release,
  arch,
  maxAge: '90d',
  earlier,
  now: today,
})

const builds = ({ family, release, arch }: OfficialAmi) => {
  const owner = ownerOf(family)
  return owner.builds({ release, codename: owner.releases[release] ?? null, arch })
}

/** A region whose owner offers this image, by a parameter where the owner has one. */
function regionWith(ami: OfficialAmi, image: DescribedImage = described(ami)): Region {
  const { parameter } = builds(ami)
  return {
    images: [image],
    parameters: parameter === null ? {} : { [parameter]: image.ImageId ?? '' },
  }
}

const [debian] = officialAmis as readonly [OfficialAmi]
const rocky = officialAmis.find((ami) => ami.family === 'rocky') ?? debian

const other = (image: DescribedImage, digit: string): DescribedImage => ({
  ...image,
  ImageId: `ami-0${digit.repeat(16)}`,
})

base('every family is found, locked and resolved, each by its own selector', async () => {
  for (const ami of officialAmis)
    await inRegions({ 'eu-west-1': regionWith(ami) }, async (at, server) => {
      const lock = await lockAmi(inputOf(at('eu-west-1'), ami))
      assert.equal(AmiLock.parse(JSON.parse(JSON.stringify(lock))), lock)
      const { parameter, pattern } = builds(ami)
      assert.equal(
        lock.selector,
        parameter === null ? { by: 'name', pattern } : { by: 'parameter', parameter },
      )
      assert.is(lock.name, ami.name)
      assert.equal(lock.regions['eu-west-1']?.ancestry, null)
      const found = await resolveAmi({
        calls: at('eu-west-1'),
        image: 'web',
        lock,
        maxAge: '90d',
        now: today,
      })
      assert.equal(AmiBase.parse(found), found)
      assert.is(found.imageId, 'ami-0123456789abcdef0')
      assert.is(found.login, ownerOf(ami.family).login)
      assert.match(found.version, new RegExp(`^${ami.release}-2026`))
      // Only what the table has was called, and pinned images are looked up by their id.
      const last = server.requests.filter(({ operation }) => operation === 'DescribeImages').at(-1)
      assert.is(last?.input['ImageId.1'], 'ami-0123456789abcdef0')
      assert.is(last?.input['IncludeDeprecated'], 'true')
    })
})

base('by name: the newest of the owner on any page, never that of another one', async () => {
  const image = described(rocky)
  const named = (name: string, digit: string): DescribedImage =>
    other({ ...described({ ...rocky, name }), OwnerId: image.OwnerId }, digit)
  const impostor = other(
    { ...image, Name: 'Rocky-9-EC2-Base-9.9-20261120.0.aarch64', OwnerId: '999999999999' },
    'a',
  )
  const images = [
    named('Rocky-9-EC2-Base-9.6-20260920.0.aarch64', '1'),
    impostor,
    named('Rocky-9-EC2-Base-9.8-20261101.0.aarch64', '2'),
    named('Rocky-9-EC2-Base-9.8-20261102.1.aarch64', '3'),
    named('Rocky-9-EC2-LVM-9.8-20261103.0.aarch64', '4'),
  ]
  for (const list of [images, [...images].reverse()])
    await inRegions({ 'eu-west-1': { images: list } }, async (at) => {
      const sight = await observeAmi(inputOf(at('eu-west-1'), rocky))
      assert.is(sight.evidence.name, 'Rocky-9-EC2-Base-9.8-20261102.1.aarch64')
    })
  await inRegions({ 'eu-west-1': { images: [impostor] } }, async (at) => {
    const error = await refusal(observeAmi(inputOf(at('eu-west-1'), rocky)))
    assert.is(error.code, 'BASE_REFUSED')
    assert.match(error.message, '792107900819 (Rocky Enterprise Software Foundation) has no AMI like')
  })
})

base('by parameter: one that is not there, names nothing, or names the image of another owner', async () => {
  const { parameter } = builds(debian)
  const name = parameter ?? ''
  const image = described(debian)
  const wrong: readonly (readonly [Region, string])[] = [
    [{ images: [image] }, 'is not there'],
    [{ images: [image], parameters: { [name]: 'soon' } }, 'is "soon", which is no AMI'],
    [
      { images: [image], parameters: { [name]: 'ami-0fffffffffffffff0' } },
      "names ami-0fffffffffffffff0, which this account can't see",
    ],
    [
      { images: [{ ...image, OwnerId: '999999999999' }], parameters: { [name]: image.ImageId ?? '' } },
      'owner is 999999999999, expected 136693071363',
    ],
  ]
  for (const [region, reason] of wrong)
    await inRegions({ 'eu-west-1': region }, async (at, server) => {
      const error = await refusal(observeAmi(inputOf(at('eu-west-1'), debian)))
      assert.is(error.code, 'BASE_REFUSED')
      assert.match(error.message, reason)
      assert.ok(!server.requests.some(({ operation }) => operation === 'GetImageAncestry'))
    })
})

base('all reasons at once, and what to do', async () => {
  const image = { ...described(debian), Public: false, ProductCodes: [{ ProductCodeId: 'abc' }] }
  await inRegions({ 'eu-west-1': regionWith(debian, image) }, async (at) => {
    const error = await refusal(lockAmi(inputOf(at('eu-west-1'), debian)))
    assert.is(
      error.message,
      'debian-12-amd64-20261110-2294 (ami-0123456789abcdef0, eu-west-1) is refused for 2 reasons',
    )
    assert.match(error.lines[1] ?? '', 'product code abc')
    assert.match(error.hint, 'images/web.lock.json')
  })
})

base(
  'never back: an older build than the lock is refused, and a later region joins the same build',
  async () => {
    const newer = { ...debian, name: 'debian-12-amd64-20261115-2300' }
    const inOther = other(described(newer), '5')
    const regions: Regions = {
      'eu-west-1': regionWith(newer),
      'us-east-1': { ...regionWith(newer, inOther) },
      'us-west-2': regionWith(debian),
    }
    await inRegions(regions, async (at) => {
      const lock = await lockAmi(inputOf(at('eu-west-1'), debian))
      const error = await refusal(lockAmi(inputOf(at('us-west-2'), debian, lock)))
      assert.match(error.message, 'it is older than what the lock pins, debian-12-amd64-20261115-2300')
      const both = await lockAmi(inputOf(at('us-east-1'), debian, lock))
      assert.equal(Object.keys(both.regions).sort(), ['eu-west-1', 'us-east-1'])
      assert.is(both.regions['us-east-1']?.imageId, inOther.ImageId)
      const missing = await refusal(
        resolveAmi({ calls: at('us-west-2'), image: 'web', lock: both, maxAge: '90d', now: today }),
      )
      assert.is(missing.code, 'LOCK_MISSING')
      assert.match(missing.message, 'pins no AMI in us-west-2, only in eu-west-1, us-east-1')
    })
    // A newer build begins with one region again.
    await inRegions({ 'us-east-1': regionWith(newer) }, async (at) => {
      const before = await inRegions({ 'eu-west-1': regionWith(debian) }, (first) =>
        lockAmi(inputOf(first('eu-west-1'), debian)),
      )
      const after = await lockAmi(inputOf(at('us-east-1'), debian, before))
      assert.equal(Object.keys(after.regions), ['us-east-1'])
    })
  },
)

base('the pinned image: gone, changed, deprecated since, aged since', async () => {
  const image = described(debian)
  const lock = await inRegions({ 'eu-west-1': regionWith(debian) }, (at) =>
    lockAmi(inputOf(at('eu-west-1'), debian)),
  )
  const resolved = (region: Region, now = today) =>
    inRegions({ 'eu-west-1': region }, (at) =>
      refusal(resolveAmi({ calls: at('eu-west-1'), image: 'web', lock, maxAge: '90d', now })),
    )
  const gone = await resolved({ images: [] })
  assert.is(gone.code, 'BASE_REFUSED')
  assert.match(gone.message, '(ami-0123456789abcdef0) is not to be seen in eu-west-1')
  assert.is(gone.hint, './mintmark base update web')
  const changed = await resolved({
    images: [{ ...image, Name: 'debian-12-amd64-20261111-2295', BootMode: 'uefi' }],
  })
  assert.is(changed.code, 'CHAIN_BROKEN')
  assert.match(
    changed.message,
    'name is debian-12-amd64-20261111-2295, and debian-12-amd64-20261110-2294 is pinned',
  )
  assert.equal(changed.lines, ['boot mode is uefi, and uefi-preferred is pinned'])
  const deprecated = await resolved({ images: [{ ...image, DeprecationTime: '2026-11-20T00:00:00.000Z' }] })
  assert.is(deprecated.code, 'BASE_REFUSED')
  assert.match(deprecated.message, 'its owner deprecated it on 2026-11-20')
  const aged = await resolved({ images: [image] }, new Date('2027-03-01T00:00:00Z'))
  assert.match(aged.message, 'older than 90d')
  const past = await resolved({ images: [image] }, new Date('2029-01-01T00:00:00Z'))
  assert.ok(past.lines.some((line) => line.includes('debian 12 gets updates only by extended support')))
})

base(
  'a lock of another owner, and owners and releases that are not known, are refused before any call',
  async () => {
    const lock = await inRegions({ 'eu-west-1': regionWith(debian) }, (at) =>
      lockAmi(inputOf(at('eu-west-1'), debian)),
    )
    await inRegions({ 'eu-west-1': regionWith(debian) }, async (at, server) => {
      const forged = await refusal(
        resolveAmi({
          calls: at('eu-west-1'),
          image: 'web',
          lock: { ...lock, owner: '999999999999' },
          maxAge: '90d',
          now: today,
        }),
      )
      assert.match(forged.message, 'images/web.lock.json pins an AMI of 999999999999 (debian)')
      for (const [family, release, region] of [
        ['fedora', '44', 'eu-west-1'],
        ['debian', '11', 'eu-west-1'],
        ['debian', 'constructor', 'eu-west-1'],
        ['debian', '12', 'cn-north-1'],
        ['debian', '12', 'us-gov-west-1'],
      ] as const) {
        const error = await refusal(observeAmi(inputOf(at(region), { ...debian, family, release })))
        assert.is(error.code, 'BASE_REFUSED', `${family} ${release} ${region}`)
      }
      assert.is(server.requests.length, 0)
    })
  },
)

base('the ancestry is kept in the lock, and must stay', async () => {
  const imageId = 'ami-0123456789abcdef0'
  const root = { imageId: 'ami-0bbbbbbbbbbbbbbbb', alias: null, source: null }
  const chain = [{ imageId, alias: null, source: { imageId: root.imageId, region: 'us-east-1' } }, root]
  const region = regionWith(debian)
  const lock = await inRegions({ 'eu-west-1': { ...region, ancestry: { [imageId]: chain } } }, (at) =>
    lockAmi(inputOf(at('eu-west-1'), debian)),
  )
  assert.equal(lock.regions['eu-west-1']?.ancestry, chain)
  const resolve = (ancestry: NonNullable<Region['ancestry']> | null) =>
    inRegions({ 'eu-west-1': ancestry === null ? region : { ...region, ancestry } }, (at) =>
      resolveAmi({ calls: at('eu-west-1'), image: 'web', lock, maxAge: '90d', now: today }),
    )
  assert.equal((await resolve({ [imageId]: chain })).ancestry, chain)
  assert.equal((await resolve(null)).ancestry, chain)
  const other = await refusal(resolve({ [imageId]: [{ ...root, imageId }] }))
  assert.is(other.code, 'CHAIN_BROKEN')
  assert.match(other.message, 'ancestry is')
  const market = {
    ...region,
    ancestry: { [imageId]: [chain[0] ?? root, { ...root, alias: 'aws-marketplace' }] },
  }
  const refused = await inRegions({ 'eu-west-1': market }, (at) =>
    refusal(lockAmi(inputOf(at('eu-west-1'), debian))),
  )
  assert.match(refused.message, 'its ancestor ami-0bbbbbbbbbbbbbbbb is of aws-marketplace')
})

base.run()
