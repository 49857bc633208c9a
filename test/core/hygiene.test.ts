import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Entry,
  hygieneFacts,
  parseListing,
  type SealedDisk,
  wantedTexts,
} from '../../pipeline/core/hygiene.ts'

const hygiene = suite('hygiene')

const file = (path: string, bytes = 10): Entry => ({ kind: 'file', bytes, path })
const folder = (path: string): Entry => ({ kind: 'folder', bytes: 4096, path })
const link = (path: string): Entry => ({ kind: 'link', bytes: 10, path })

const debianSources =
  'Types: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie\n# was http://mirror.example/debian\n\nTypes: deb\nURIs: https://deb.debian.org/debian-security\n'

/** What a well sealed image looks like. */
const clean: SealedDisk = {
  entries: [
    folder('home'),
    folder('root'),
    file('root/.bashrc'),
    file('etc/passwd'),
    file('etc/machine-id', 0),
    file('etc/ssh/sshd_config'),
    file('etc/ssh/ssh_config'),
    file('usr/share/doc/authorized_keys.example'),
    folder('var/log'),
    folder('var/log/journal'),
    file('var/log/wtmp', 0),
    link('var/log/README'),
    file('var/lib/apt/lists/lock', 0),
    folder('var/lib/apt/lists/partial'),
    folder('var/cache/apt/archives/partial'),
    file('var/cache/apt/archives/lock', 0),
    folder('var/lib/cloud'),
    folder('var/lib/cloud/instances'),
    link('var/lib/dbus/machine-id'),
  ],
  texts: {
    'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n',
    'etc/machine-id': '',
    'etc/apt/sources.list.d/debian.sources': debianSources,
  },
  buildKeyIn: [],
}

const withEntry = (...entries: readonly Entry[]): SealedDisk => ({
  ...clean,
  entries: [...clean.entries, ...entries],
})
const withText = (path: string, text: string): SealedDisk => ({
  ...clean,
  texts: { ...clean.texts, [path]: text },
})

/** Ids of the facts that are not `pass`, with their status. */
const bad = (disk: SealedDisk): readonly string[] =>
  hygieneFacts(disk)
    .filter(({ status }) => status !== 'pass')
    .map(({ id, status }) => `${id} ${status}`)

hygiene('finds nothing in a sealed image', () => {
  assert.equal(bad(clean), [])
  assert.is(hygieneFacts(clean).length, 10)
})

const dirty: readonly (readonly [string, SealedDisk])[] = [
  ['no-host-keys', withEntry(file('etc/ssh/ssh_host_ed25519_key'))],
  ['no-host-keys', withEntry(file('etc/ssh/ssh_host_rsa_key.pub'))],
  ['no-build-key', withEntry(file('root/.ssh/authorized_keys'))],
  ['no-build-key', withEntry(file('etc/ssh/authorized_keys2'))],
  ['no-build-key', { ...clean, buildKeyIn: ['var/lib/dpkg/info/oops'] }],
  ['no-cloud-init-state', withEntry(link('var/lib/cloud/instance'))],
  ['no-cloud-init-state', withEntry(file('var/lib/cloud/instances/i-1/user-data.txt'))],
  ['no-cloud-init-state', withEntry(file('var/log/cloud-init.log', 0))],
  ['no-cloud-init-state', withEntry(file('etc/netplan/50-cloud-init.yaml'))],
  ['no-logs', withEntry(file('var/log/apt/history.log'))],
  ['no-logs', withEntry(file('var/log/journal/0123/system.journal', 0))],
  ['no-history', withEntry(file('root/.bash_history'))],
  ['no-history', withEntry(file('root/.lesshst', 0))],
  ['machine-id-empty', withText('etc/machine-id', '0123456789abcdef0123456789abcdef\n')],
  ['machine-id-empty', withEntry(file('var/lib/dbus/machine-id'))],
  ['no-random-seed', withEntry(file('var/lib/systemd/random-seed', 512))],
  ['no-random-seed', withEntry(file('boot/efi/loader/random-seed', 512))],
  [
    'no-temporary-users',
    withText('etc/passwd', 'root:x:0:0::/root:/bin/sh\ndebian:x:1000:1000::/home/debian:/bin/bash\n'),
  ],
  ['no-temporary-users', withEntry(folder('home/debian'))],
  ['no-apt-leftovers', withEntry(file('var/lib/apt/lists/deb.debian.org_debian_dists_trixie_InRelease'))],
  ['no-apt-leftovers', withEntry(file('var/cache/apt/archives/nginx_1.26_amd64.deb'))],
  ['no-apt-leftovers', withEntry(file('var/cache/apt/pkgcache.bin'))],
  [
    'no-mirror-left',
    withText('etc/apt/sources.list', 'deb [signed-by=/x.gpg] http://10.0.2.2:8080/debian trixie main\n'),
  ],
  [
    'no-mirror-left',
    withText('etc/apt/sources.list', 'deb http://deb.debian.org.example.com/debian trixie main\n'),
  ],
  ['no-mirror-left', withText('etc/apt/sources.list', 'deb file:/srv/mirror trixie main\n')],
  [
    'no-mirror-left',
    withText('etc/apt/apt.conf.d/90proxy', 'Acquire::http::Proxy "http://proxy.example:3128";\n'),
  ],
]

for (const [id, disk] of dirty) {
  hygiene(`${id} fails for ${JSON.stringify(disk.entries.at(-1))} ${Object.keys(disk.texts).at(-1)}`, () => {
    assert.equal(bad(disk), [`${id} fail`])
  })
}

hygiene('says that it could not look, instead of pass', () => {
  assert.equal(bad({ ...clean, buildKeyIn: null }), ['no-build-key unknown'])
  const { 'etc/passwd': _passwd, ...noPasswd } = clean.texts
  assert.equal(bad({ ...clean, texts: noPasswd }), ['no-temporary-users unknown'])
  assert.equal(bad({ ...clean, texts: { 'etc/passwd': '', 'etc/machine-id': '' } }), [
    'no-mirror-left unknown',
  ])
})

hygiene('an image without /etc/machine-id fails', () => {
  const { 'etc/machine-id': _id, ...texts } = clean.texts
  assert.equal(bad({ ...clean, texts }), ['machine-id-empty fail'])
})

hygiene('shows no password of a proxy', () => {
  const disk = withText('etc/apt/apt.conf', 'Acquire::http::Proxy "http://me:hunter2@proxy.example:3128";')
  const fact = hygieneFacts(disk).find(({ id }) => id === 'no-mirror-left')
  assert.match(fact?.found ?? '', 'proxy.example')
  assert.not.match(fact?.found ?? '', 'hunter2')
})

hygiene('names some of many files and counts the rest', () => {
  const many = Array.from({ length: 8 }, (_, at) => file(`etc/ssh/ssh_host_${at}`))
  const fact = hygieneFacts(withEntry(...many)).find(({ id }) => id === 'no-host-keys')
  assert.match(fact?.found ?? '', /ssh_host_4 and 3 more$/)
})

hygiene('reads a listing with odd names', () => {
  assert.equal(parseListing('d 4096 etc\0f 12 etc/a b\nc\0l 3 x\0c 0 dev/null\0'), [
    folder('etc'),
    { kind: 'file', bytes: 12, path: 'etc/a b\nc' },
    { kind: 'link', bytes: 3, path: 'x' },
    { kind: 'other', bytes: 0, path: 'dev/null' },
  ])
})

hygiene('wants the texts of regular files only', () => {
  const entries = [
    file('etc/passwd'),
    link('etc/machine-id'),
    file('etc/apt/sources.list'),
    file('etc/apt/trusted.gpg'),
  ]
  assert.equal(wantedTexts(entries), ['etc/passwd', 'etc/apt/sources.list'])
})

hygiene.run()
