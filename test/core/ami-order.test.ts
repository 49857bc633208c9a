import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { amiOrder, builtIn, compareOrders, newestAmi } from '../../pipeline/core/ami-order.ts'
import { amiOwners, ec2Arch } from '../../pipeline/core/ami-owners.ts'
import { lifecycleRow } from '../../pipeline/core/lifecycle.ts'
import { officialAmis, ownerOf } from '../helpers/official-ami.ts'

const order = suite('order of AMIs')

const buildsOf = (family: string, release: string, arch: 'x86_64' | 'aarch64' = 'x86_64') => {
  const owner = ownerOf(family)
  return owner.builds({ release, codename: owner.releases[release] ?? null, arch })
}

/** EC2's filter: "*" is any text, "?" any one sign. */
const filter = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^$(){}|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  )

order('names of every owner fit their pattern, their filter, and nothing else of the owner', () => {
  for (const { family, release, arch, name } of officialAmis) {
    const builds = buildsOf(family, release, arch)
    assert.match(name, builds.name)
    assert.match(name, filter(builds.pattern))
    assert.ok(builtIn(name, builds.name)?.startsWith('2026-1'))
    const otherArch = buildsOf(family, release, arch === 'x86_64' ? 'aarch64' : 'x86_64')
    assert.not.match(name, otherArch.name)
  }
  for (const [family, release, name] of [
    ['debian', '12', 'debian-12-backports-amd64-20261110-2294'],
    ['debian', '12', 'debian-13-amd64-20261110-2294'],
    ['ubuntu', '22.04', 'ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-pro-server-20261105'],
    ['ubuntu', '22.04', 'ubuntu/images-testing/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20261105'],
    ['ubuntu', '22.04', 'ubuntu/images/hvm-ssd/ubuntu-jammy-22x04-amd64-server-20261105'],
    ['ubuntu', '24.04', 'ubuntu-minimal/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-minimal-20261105'],
    ['amazon-linux', '2023', 'al2023-ami-minimal-2023.12.20261109.0-kernel-6.1-x86_64'],
    ['amazon-linux', '2023', 'al2023-ami-ecs-hvm-2023.0.20261109-kernel-6.1-x86_64'],
    ['rhel', '9', 'RHEL_HA-9.8.0_HVM-20261028-x86_64-0-Hourly2-GP3'],
    ['rhel', '9', 'RHEL-9.8.0_HVM-20261028-x86_64-0-Access2-GP3'],
    ['rhel', '9', 'RHEL-9.8.0_HVM_BETA-20261028-x86_64-0-Hourly2-GP3'],
    ['rocky', '9', 'Rocky-9-EC2-LVM-9.8-20261101.0.x86_64'],
    ['rocky', '9', 'Rocky-9-EC2-Base-9.8-20261101.0.x86_64-3f2a1b'],
  ] as const)
    assert.is(amiOrder(name, buildsOf(family, release).name), null, name)
})

order('version, day, serial, in this order and as numbers', () => {
  const { name } = buildsOf('rhel', '9')
  const names = ['9.10.0_HVM-20260101', '9.8.0_HVM-20261115', '9.8.0_HVM-20261028', '9.8_HVM-20250506'].map(
    (middle) => `RHEL-${middle}-x86_64-0-Hourly2-GP3`,
  )
  const orders = names.map((item) => amiOrder(item, name) ?? [])
  assert.equal(
    [...orders].sort((a, b) => compareOrders(b, a)),
    orders,
  )
  assert.is(builtIn('RHEL-9.8.0_HVM-20261399-x86_64-0-Hourly2-GP3', name), null)
})

order('the newest of the owner: whatever the order of the answer, and whatever others call theirs', () => {
  const { name } = buildsOf('debian', '12')
  const { account } = ownerOf('debian')
  const image = fc.record({
    OwnerId: fc.constantFrom(account, '999999999999', undefined),
    Name: fc.constantFrom(
      'debian-12-amd64-20261110-2294',
      'debian-12-amd64-20261110-10000',
      'debian-12-amd64-20261001-9999',
      'debian-12-amd64-latest',
      undefined,
    ),
    CreationDate: fc.constantFrom('2026-11-10T00:00:00.000Z', '2026-11-11T00:00:00.000Z', undefined),
    ImageId: fc.stringMatching(/^ami-[0-9a-f]{8}$/),
  })
  fc.assert(
    fc.property(fc.array(image, { maxLength: 12 }), (images) => {
      const newest = newestAmi(images, account, name)
      assert.equal(newestAmi([...images].reverse(), account, name), newest)
      const ours = images.filter(
        (item) => item.OwnerId === account && amiOrder(item.Name ?? '', name) !== null,
      )
      assert.is(newest === null, ours.length === 0)
      for (const item of ours)
        assert.ok(
          compareOrders(amiOrder(newest?.Name ?? '', name) ?? [], amiOrder(item.Name ?? '', name) ?? []) >= 0,
        )
      assert.ok(newest === null || newest.OwnerId === account)
    }),
  )
})

order(
  'every release of the table has its lifecycle and its codename, and no parameter floats over releases',
  () => {
    for (const owner of amiOwners) {
      assert.match(owner.account, /^\d{12}$/)
      for (const [release, codename] of Object.entries(owner.releases)) {
        const row = lifecycleRow({ family: owner.family, release })
        assert.ok(row, `${owner.family} ${release}`)
        assert.is(row?.codename, codename)
        for (const arch of ['x86_64', 'aarch64'] as const) {
          const { parameter } = owner.builds({ release, codename, arch })
          if (parameter === null) continue
          assert.match(parameter, /^\/aws\/service\//)
          assert.ok(parameter.includes(release) || parameter.includes('al2023'), parameter)
          assert.ok(parameter.includes(ec2Arch(arch)) || parameter.includes('amd64'), parameter)
        }
      }
    }
  },
)

order.run()
