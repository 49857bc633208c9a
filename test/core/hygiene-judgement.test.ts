import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { wantedTexts } from '../../pipeline/core/hygiene.ts'
import { parseListing, type SealedDisk } from '../../pipeline/core/hygiene-disk.ts'
import { bad, digest, file, folder, foundBy, link, sealedDisk } from '../helpers/sealed-disk.ts'

const judgement = suite('hygiene, judged')

const harmless: readonly (readonly [why: string, disk: SealedDisk])[] = [
  [
    'a program of a team with set-uid, from its own package',
    sealedDisk({ entries: [file('opt/corp/helper', { mode: 0o4755 })] }),
  ],
  ['a program that lost its set-uid', sealedDisk({ entries: [file('usr/bin/passwd', { mode: 0o755 })] })],
  [
    'a mode that the administrator has set',
    sealedDisk({
      entries: [file('usr/bin/bash', { mode: 0o2755 })],
      texts: { 'var/lib/dpkg/statoverride': 'root shadow 2755 /bin/bash\n' },
    }),
  ],
  [
    "a configuration file that is not its package's any more",
    sealedDisk({
      entries: [file('etc/default/useradd')],
      digests: { 'etc/default/useradd': digest('0') },
    }),
  ],
  [
    'a document that is not as packaged',
    sealedDisk({ digests: { 'usr/share/doc/bash/README': digest('0') } }),
  ],
  ["a package's own test key", sealedDisk({ privateKeysIn: ['usr/share/doc/bash/README'] })],
  [
    'a proxy without a token, and an address with a name only',
    sealedDisk({
      texts: {
        'root/.npmrc': 'registry=https://npm.corp.example\n',
        'root/.gitconfig': '[url "ssh://git@corp.example/"]\n',
      },
    }),
  ],
  [
    'an iSCSI name that is made at the first start',
    sealedDisk({ texts: { 'etc/iscsi/initiatorname.iscsi': 'GenerateName=yes\n' } }),
  ],
  [
    'a file system of its own for /tmp',
    sealedDisk({ entries: [folder('tmp/lost+found', { mode: 0o700 }), folder('var/tmp/lost+found')] }),
  ],
  [
    'sudo for a user of a directory',
    sealedDisk({
      texts: { 'etc/sudoers.d/corp': 'alice@corp.example ALL=(ALL) ALL\nUser_Alias OPS = a, b\n' },
    }),
  ],
  [
    'an own resolver',
    sealedDisk({
      texts: { 'etc/resolv.conf': 'nameserver 127.0.0.53\n' },
      entries: [file('etc/resolv.conf')],
    }),
  ],
]

for (const [why, disk] of harmless) judgement(`harmless: ${why}`, () => assert.equal(bad(disk), []))

judgement("finds the build's key in any file", () => {
  const disk = sealedDisk({ buildKeyIn: ['var/lib/dpkg/info/oops'] })
  assert.equal(bad(disk), ['no-build-key fail'])
  assert.is(foundBy(disk, 'no-build-key'), '/var/lib/dpkg/info/oops')
})

judgement('finds a private key in any file that no package ships like that', () => {
  const disk = sealedDisk({ privateKeysIn: ['opt/app/config.yaml'] })
  assert.equal(bad(disk), ['no-private-keys fail'])
  assert.is(foundBy(disk, 'no-private-keys'), '/opt/app/config.yaml (has one in it)')
})

judgement('programs: changed, changed with set-uid, and not to be read', () => {
  const changed = sealedDisk({ digests: { 'usr/bin/bash': digest('0') } })
  assert.equal(bad(changed), ['programs-as-packaged fail'])
  assert.is(foundBy(changed, 'programs-as-packaged'), '/usr/bin/bash (not as bash has it)')
  assert.equal(bad(sealedDisk({ digests: { 'usr/bin/passwd': digest('0') } })), [
    'set-id-programs fail',
    'programs-as-packaged fail',
  ])
  const disk = sealedDisk()
  const digests = new Map([...disk.digests].filter(([path]) => path !== 'usr/bin/bash'))
  assert.match(foundBy({ ...disk, digests }, 'programs-as-packaged'), 'it could not be read')
})

judgement('programs: a link in the place of one, and a package manager without checksums', () => {
  const linked = sealedDisk({ entries: [link('usr/bin/bash', '/srv/evil')] })
  assert.equal(bad(linked), ['programs-as-packaged fail'])
  assert.is(foundBy(linked, 'programs-as-packaged'), '/usr/bin/bash (something else stands in its place)')
  const disk = sealedDisk()
  assert.ok(disk.packages)
  const blind = { ...disk, packages: { ...disk.packages, digests: new Map<string, string>() } }
  assert.equal(bad(blind), ['programs-as-packaged unknown'])
})

judgement('what is as it may be is named', () => {
  const helper = sealedDisk({ entries: [file('opt/corp/helper', { mode: 0o4755 })] })
  assert.match(foundBy(helper, 'set-id-programs'), /by packages beyond the base: \/opt\/corp\/helper$/)
  const document = sealedDisk({ digests: { 'usr/share/doc/bash/README': digest('0') } })
  assert.match(foundBy(document, 'programs-as-packaged'), /but no program: \/usr\/share\/doc\/bash\/README/)
})

judgement("the definition's own files are meant to be there, and named", () => {
  const entries = [file('etc/ssl/private/corp.key'), file('usr/bin/bash'), file('etc/ssl/private/other.key')]
  const placed = ['/etc/ssl/private/corp.key', '/usr/bin/bash']
  const disk = sealedDisk({ entries, placed, digests: { 'usr/bin/bash': digest('0') } })
  assert.equal(bad(disk), ['no-private-keys fail'])
  assert.is(foundBy(disk, 'no-private-keys'), '/etc/ssl/private/other.key')
  assert.match(
    foundBy(disk, 'programs-as-packaged'),
    "; the definition's own: /usr/bin/bash (not as bash has it)",
  )
})

judgement('an exception of a control is one of the same fact', () => {
  const entries = [file('srv/data', { uid: 1001, mode: 0o666 }), folder('srv/all', { mode: 0o777 })]
  const excepted = ['files-unowned', 'files-world-writable', 'files-sticky']
  const disk = sealedDisk({ entries, excepted })
  assert.equal(bad(disk), [])
  assert.is(
    foundBy(disk, 'no-unowned-files'),
    'excepted by the definition (files-unowned): /srv/data (1001:0)',
  )
  assert.is(bad(sealedDisk({ entries })).length, 3)
})

judgement('says that it could not look, instead of pass', () => {
  assert.equal(bad(sealedDisk({ buildKeyIn: null })), ['no-build-key unknown'])
  assert.equal(bad(sealedDisk({ texts: { 'etc/passwd': undefined } })), [
    'no-temporary-users unknown',
    'no-sudo-leftovers unknown',
    'no-usable-passwords unknown',
    'only-root-is-root unknown',
    'no-unowned-files unknown',
  ])
  assert.equal(bad(sealedDisk({ texts: { 'etc/shadow': undefined } })), ['no-usable-passwords unknown'])
  assert.equal(bad(sealedDisk({ texts: { 'etc/apt/sources.list.d/debian.sources': undefined } })), [
    'no-mirror-left unknown',
  ])
  assert.equal(bad(sealedDisk({ texts: { 'var/lib/dpkg/status': undefined } })), [
    'packages-whole unknown',
    'set-id-programs unknown',
    'programs-as-packaged unknown',
  ])
  assert.equal(bad(sealedDisk({ entries: [folder('', { uid: 1000 })] })), ['no-unowned-files unknown'])
})

judgement('a swap file has any name that fstab gives it', () => {
  const texts = { 'etc/fstab': '/var/lib/swap none swap sw 0 0\n' }
  const disk = sealedDisk({ texts, entries: [file('var/lib/swap', { bytes: 2 ** 30 })] })
  assert.equal(bad(disk), ['no-memory-images fail'])
  assert.equal(bad(sealedDisk({ texts })), [])
})

judgement("a disk for data may be named as the team's machines have it", () => {
  assert.equal(bad(sealedDisk({ texts: { 'etc/fstab': '/dev/nvme1n1 /srv/data xfs nofail 0 2\n' } })), [])
})

judgement('an image without /etc/machine-id fails', () => {
  assert.equal(bad(sealedDisk({ texts: { 'etc/machine-id': undefined } })), ['machine-id-empty fail'])
})

judgement('shows no password of a proxy', () => {
  const disk = sealedDisk({
    texts: { 'etc/apt/apt.conf': 'Acquire::http::Proxy "http://me:hunter2@proxy.example:3128";' },
  })
  assert.match(foundBy(disk, 'no-mirror-left'), 'proxy.example')
  assert.not.match(foundBy(disk, 'no-mirror-left'), 'hunter2')
})

judgement("the definition's repositories may be in apt's sources", () => {
  const texts = {
    'etc/apt/sources.list.d/corp.sources': 'Types: deb\nURIs: https://apt.corp.example/debian\n',
  }
  assert.equal(bad(sealedDisk({ texts })), ['no-mirror-left fail'])
  assert.equal(bad(sealedDisk({ texts, repos: ['https://apt.corp.example/debian'] })), [])
})

judgement('names some of many files and counts the rest', () => {
  const entries = Array.from({ length: 8 }, (_, at) => file(`etc/ssh/ssh_host_${at}`))
  assert.match(foundBy(sealedDisk({ entries }), 'no-host-keys'), /ssh_host_4 and 3 more$/)
})

judgement('reads a listing with odd names', () => {
  const output =
    'd 755 0 0 4096\0\0\0f 4755 0 42 12\0\0etc/a b\nc\0l 777 7 8 3\0../x y\0x\0c 600 0 0 0\0\0dev/null\0'
  assert.equal(parseListing(output), [
    folder('', { bytes: 4096 }),
    file('etc/a b\nc', { mode: 0o4755, gid: 42, bytes: 12 }),
    link('x', '../x y', { uid: 7, gid: 8, bytes: 3 }),
    { ...file('dev/null', { mode: 0o600, bytes: 0 }), kind: 'other' },
  ])
})

judgement('wants the texts of regular files only, and none of programs', () => {
  const entries = [
    file('etc/passwd'),
    file('etc/sudoers'),
    file('etc/sudoers.d/README'),
    link('etc/machine-id'),
    file('etc/apt/sources.list'),
    file('etc/apt/trusted.gpg'),
    file('usr/lib/node_modules/x/.npmrc'),
    file('var/lib/dpkg/info/bash.postinst'),
    file('var/lib/dpkg/info/bash.md5sums'),
  ]
  assert.equal(wantedTexts(entries), [
    'etc/passwd',
    'etc/sudoers',
    'etc/sudoers.d/README',
    'etc/apt/sources.list',
    'var/lib/dpkg/info/bash.md5sums',
  ])
})

judgement.run()
