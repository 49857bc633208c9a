import { hygieneFacts } from '../../pipeline/core/hygiene.ts'
import type { Entry, SealedDisk } from '../../pipeline/core/hygiene-disk.ts'
import { readPackages } from '../../pipeline/core/package-files.ts'

const entry = (kind: Entry['kind'], path: string, mode: number, more: Partial<Entry>): Entry => ({
  kind,
  mode,
  uid: 0,
  gid: 0,
  bytes: 10,
  target: '',
  path,
  ...more,
})

export const file = (path: string, more: Partial<Entry> = {}): Entry => entry('file', path, 0o644, more)
export const folder = (path: string, more: Partial<Entry> = {}): Entry => entry('folder', path, 0o755, more)
export const link = (path: string, target = 'x', more: Partial<Entry> = {}): Entry =>
  entry('link', path, 0o777, { target, ...more })

const debianSources =
  'Types: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie\n# was http://mirror.example/debian\n\nTypes: deb\nURIs: https://deb.debian.org/debian-security\n'

const dpkgStatus = `Package: passwd
Status: install ok installed
Priority: required
Conffiles:
 /etc/default/useradd 0123456789abcdef0123456789abcdef

Package: bash
Essential: yes
Status: install ok installed
Priority: required

Package: corp-helper
Status: hold ok installed
Priority: optional
`

export const digest = (letter: string): string => letter.repeat(32)

/** Contents of a well sealed image, as far as the rules read them. */
const texts: Readonly<Record<string, string>> = {
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\napp:x:1000:1000::/home/app:/usr/sbin/nologin\n',
  'etc/group': 'root:x:0:\nshadow:x:42:\nnogroup:x:65534:\napp:x:1000:\n',
  'etc/shadow': 'root:*:20777:0:99999:7:::\nnobody:!:20777::::::\napp:!*:20777::::::\n',
  'etc/gshadow': 'root:*::\nshadow:*::\napp:!::\n',
  'etc/sudoers.d/99-mintmark':
    '# nobody = nothing\nDefaults use_pty\n%sudo ALL=(ALL) ALL\napp ALL=(root) /usr/bin/id\n',
  'etc/machine-id': '',
  'etc/hostname': 'localhost\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost ip6-localhost\nff02::1 ip6-allnodes\n',
  'etc/fstab':
    'UUID=46845dd4-286d-4ef6-8489-47e0bf8a7a07 / ext4 rw 0 1\ntmpfs /tmp tmpfs nosuid 0 0\nnas.example:/x /srv/x nfs ro 0 0\n',
  'boot/grub/grub.cfg': '  linux /vmlinuz root=UUID=46845dd4-286d-4ef6-8489-47e0bf8a7a07 ro net.ifnames=0\n',
  'etc/netplan/10-dhcp.yaml': 'network: {ethernets: {all: {match: {name: "e*"}, dhcp4: true}}}\n',
  'etc/apt/sources.list.d/debian.sources': debianSources,
  'var/lib/dpkg/status': dpkgStatus,
  'var/lib/dpkg/info/passwd.list':
    '/.\n/usr\n/usr/bin\n/usr/bin/passwd\n/usr/bin/chage\n/etc/default/useradd\n',
  'var/lib/dpkg/info/passwd.md5sums': `${digest('a')}  usr/bin/passwd\n${digest('b')}  usr/bin/chage\n${digest('9')}  etc/default/useradd\n`,
  // As packages from before the merge of /bin into /usr/bin have it.
  'var/lib/dpkg/info/bash.list': '/bin/bash\n/usr/share/doc/bash/README\n',
  'var/lib/dpkg/info/bash.md5sums': `${digest('c')}  bin/bash\n${digest('e')}  usr/share/doc/bash/README\n`,
  'var/lib/dpkg/info/corp-helper:amd64.list': '/opt/corp/helper\n/usr/bin/python3.13\n',
  'var/lib/dpkg/info/corp-helper:amd64.md5sums': `${digest('d')}  opt/corp/helper\n${digest('f')}  usr/bin/python3.13\n`,
}

const entries: readonly Entry[] = [
  folder(''),
  link('bin', 'usr/bin'),
  folder('home'),
  folder('home/app', { uid: 1000, gid: 1000 }),
  folder('root', { mode: 0o700 }),
  file('root/.bashrc'),
  file('etc/ssh/sshd_config'),
  file('etc/ssh/ssh_config'),
  folder('etc/ssl/private'),
  file('usr/share/doc/authorized_keys.example'),
  folder('tmp', { mode: 0o1777 }),
  folder('var/tmp', { mode: 0o1777 }),
  folder('var/mail', { mode: 0o2775 }),
  folder('var/log'),
  folder('var/log/journal'),
  file('var/log/wtmp', { bytes: 0 }),
  link('var/log/README'),
  file('var/lib/apt/lists/lock', { bytes: 0 }),
  folder('var/lib/apt/lists/partial'),
  folder('var/cache/apt/archives/partial'),
  file('var/cache/apt/archives/lock', { bytes: 0 }),
  folder('var/lib/cloud'),
  folder('var/lib/cloud/instances'),
  link('var/lib/dbus/machine-id', '/etc/machine-id'),
  link('etc/resolv.conf', '../run/systemd/resolve/stub-resolv.conf'),
  folder('usr/lib/modules/6/kernel/net/core'),
  file('usr/bin/passwd', { mode: 0o4755 }),
  file('usr/bin/chage', { mode: 0o2755, gid: 42 }),
  file('usr/bin/bash', { mode: 0o755 }),
  file('usr/share/doc/bash/README'),
  file('opt/corp/helper', { mode: 0o755 }),
  file('usr/bin/python3.13', { mode: 0o755 }),
]

/** What a well sealed image looks like, with some of its entries, texts and digests replaced or added. */
export function sealedDisk(
  change: {
    readonly entries?: readonly Entry[]
    readonly texts?: Readonly<Record<string, string | undefined>>
    readonly digests?: Readonly<Record<string, string>>
  } & Omit<Partial<SealedDisk>, 'entries' | 'texts' | 'digests'> = {},
): SealedDisk {
  const replaced = new Set((change.entries ?? []).map(({ path }) => path))
  const all = Object.entries({ ...texts, ...change.texts }).flatMap(([path, text]) =>
    text === undefined ? [] : [[path, text] as const],
  )
  const own = Object.fromEntries(all)
  const files = all.map(([path, text]) => file(path, { bytes: text.length }))
  const tree = [...entries, ...files].filter(({ path }) => !replaced.has(path))
  const listed = [...tree, ...(change.entries ?? [])]
  return {
    privateKeysIn: [],
    buildKeyIn: [],
    ...change,
    entries: listed,
    texts: own,
    packages: readPackages(listed, own),
    digests: new Map(
      Object.entries({
        'usr/bin/passwd': digest('a'),
        'usr/bin/chage': digest('b'),
        'usr/bin/bash': digest('c'),
        'usr/share/doc/bash/README': digest('e'),
        'opt/corp/helper': digest('d'),
        'usr/bin/python3.13': digest('f'),
        ...change.digests,
      }),
    ),
  }
}

/** Ids of the facts that are not `pass`, with their status. */
export const bad = (disk: SealedDisk): readonly string[] =>
  hygieneFacts(disk)
    .filter(({ status }) => status !== 'pass')
    .map(({ id, status }) => `${id} ${status}`)

export const foundBy = (disk: SealedDisk, id: string): string =>
  hygieneFacts(disk).find((fact) => fact.id === id)?.found ?? ''
