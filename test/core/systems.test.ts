import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canaryOf, isScanned } from '../../pipeline/core/canary.ts'
import { lifecycleRow } from '../../pipeline/core/lifecycle.ts'
import { neverBooted, sourceRows, systemOf, systemOfRelease, systems } from '../../pipeline/core/systems.ts'

const table = suite('systems')

table('each is in the lifecycle data, and named by its family and release', () => {
  for (const [id, system] of Object.entries(systems)) {
    assert.is(id, system.id)
    assert.is(id, `${system.family}-${system.release}`)
    assert.ok(lifecycleRow(system) !== null, id)
    assert.is(systemOf(system), system)
  }
  assert.is(systemOf({ family: 'debian', release: '11' }), null)
})

table('apt has sources and a keyring, dnf has those of the image', () => {
  for (const { manager, sources, keyring, id } of Object.values(systems)) {
    assert.is(sources.length > 0 && keyring !== '', manager === 'apt', id)
    for (const { url } of sources) assert.ok(systems[id].hosts.test(url), `${id} ${url}`)
  }
  assert.is(
    sourceRows(systems['ubuntu-24.04'], 'noble').split('\n')[2],
    'ubuntu-security\thttp://security.ubuntu.com/ubuntu\tnoble-security\tmain universe',
  )
})

table('an os-release tells the family', () => {
  for (const [text, family] of [
    ['NAME="Amazon Linux"\nID="amzn"\nID_LIKE="fedora"\n', 'amazon-linux'],
    ['ID="rhel"\n', 'rhel'],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'rocky'],
    ['ID_LIKE=debian\nID=ubuntu\n', 'ubuntu'],
    ['ID=debian\n', 'debian'],
  ])
    assert.is(systemOfRelease(text ?? '')?.family, family)
  assert.is(systemOfRelease('ID=alpine\n'), null)
})

table("the publishers' own addresses of updates pass, look-alikes do not", () => {
  const addresses = {
    'debian-13': [
      'https://cdn-aws.deb.debian.org/debian',
      'mirror+file:///etc/apt/mirrors/debian-security.list',
    ],
    'amazon-linux-2023': [
      'https://al2023-repos-$awsregion-de612dc2.s3.dualstack.$awsregion.$awsdomain/core/mirrors/$releasever/$basearch/mirror.list',
      'https://al2023-repos-eu-west-1-de612dc2.s3.dualstack.eu-west-1.amazonaws.com/core/x',
      'https://cdn.amazonlinux.com/al2023/core/mirrors/x',
    ],
    'rhel-9': ['https://rhui.REGION.aws.ce.redhat.com/pulp/mirror/content/dist/rhel9/x'],
    'rocky-9': [
      'https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever',
      'http://dl.rockylinux.org/$contentdir/x',
    ],
  } as const
  for (const [id, urls] of Object.entries(addresses))
    for (const url of urls) {
      const { hosts } = systems[id as keyof typeof addresses]
      assert.ok(hosts.test(url), url)
      assert.not.ok(hosts.test(url.replace('://', '://mirror.example/')), url)
    }
  assert.not.ok(
    systems['amazon-linux-2023'].hosts.test(
      'https://al2023-repos-x-de612dc2.s3.dualstack.evil.example/core/',
    ),
  )
  assert.not.ok(systems['rocky-9'].hosts.test('https://mirrors.rockylinux.org.example/'))
})

table('the scanner names some families in another way, and point releases', () => {
  for (const [family, release, wanted] of [
    ['debian', '13.7', 'debian 13'],
    ['ubuntu', '22.04', 'ubuntu 22.04'],
    ['amazon', '2023.6.20241121 (Amazon Linux)', 'amazon-linux 2023'],
    ['redhat', '9.5', 'rhel 9'],
    ['rocky', '9.5', 'rocky 9'],
  ] as const) {
    const [ours = '', number = ''] = wanted.split(' ')
    assert.ok(isScanned({ family, release }, { family: ours, release: number }), wanted)
  }
  assert.not.ok(isScanned({ family: 'redhat', release: '8.10' }, { family: 'rhel', release: '9' }))
  assert.not.ok(isScanned({ family: 'debian', release: '130' }, { family: 'debian', release: '13' }))
  assert.not.ok(isScanned({ family: '', release: '' }, { family: 'rocky', release: '9' }))
})

table('the canary has the books of its package manager', () => {
  const paths = (family: string, release: string): readonly string[] => [
    ...canaryOf({ family, release }).files.keys(),
  ]
  assert.equal(paths('debian', '13'), ['etc/os-release', 'etc/debian_version', 'var/lib/dpkg/status'])
  assert.equal(paths('debian', '11'), paths('debian', '13'))
  assert.equal(paths('ubuntu', '24.04'), ['etc/os-release', 'etc/lsb-release', 'var/lib/dpkg/status'])
  assert.equal(paths('rocky', '9'), ['etc/os-release', 'var/lib/rpmmanifest/container-manifest-2'])
})

table('what nobody booted says so', () => {
  assert.equal(
    Object.values(systems).flatMap((system) => (neverBooted(system) === null ? [system.id] : [])),
    ['debian-12', 'debian-13'],
  )
})

table.run()
