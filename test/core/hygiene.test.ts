import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hygieneFacts } from '../../pipeline/core/hygiene.ts'
import type { Entry } from '../../pipeline/core/hygiene-disk.ts'
import { bad, file, folder, foundBy, link, sealedDisk } from '../helpers/sealed-disk.ts'

const hygiene = suite('hygiene')

hygiene('finds nothing in a sealed image', () => {
  const facts = hygieneFacts(sealedDisk())
  assert.equal(
    facts.filter(({ status }) => status !== 'pass'),
    [],
  )
  assert.is(new Set(facts.map(({ id }) => id)).size, 32)
  for (const { expected, found } of facts) assert.is(found, expected)
})

/** What somebody left, and the one fact that has to say so. */
const left: readonly (readonly [id: string, ...entries: readonly Entry[]])[] = [
  ['no-host-keys', file('etc/ssh/ssh_host_ed25519_key')],
  ['no-host-keys', file('etc/ssh/ssh_host_rsa_key.pub')],
  ['no-private-keys', file('etc/ssl/private/ssl-cert-snakeoil.key')],
  ['no-private-keys', file('root/.ssh/id_ed25519')],
  ['no-private-keys', file('var/lib/app/id_rsa')],
  ['no-private-keys', file('opt/app/server.p12')],
  ['no-authorized-keys', file('root/.ssh/authorized_keys')],
  ['no-authorized-keys', link('home/app/.ssh/authorized_keys')],
  ['no-authorized-keys', file('etc/ssh/authorized_keys2')],
  ['no-authorized-keys', file('var/lib/postgresql/.ssh/authorized_keys', { bytes: 0 })],
  ['no-credentials', file('root/.aws/credentials')],
  ['no-credentials', file('home/app/.azure/accessTokens.json')],
  ['no-credentials', file('root/.config/gcloud/credentials.db')],
  ['no-credentials', file('root/.aliyun/config.json')],
  ['no-credentials', file('root/.docker/config.json')],
  ['no-credentials', file('var/lib/jenkins/.netrc')],
  ['no-credentials', file('root/.git-credentials')],
  ['no-credentials', file('root/.pgpass')],
  ['no-credentials', file('etc/skel/.kube/config')],
  ['no-credentials', file('root/.vault-token')],
  ['no-agent-identities', file('etc/krb5.keytab')],
  ['no-agent-identities', file('var/lib/amazon/ssm/registration')],
  ['no-agent-identities', file('etc/salt/pki/minion/minion.pem')],
  ['no-agent-identities', file('etc/docker/key.json')],
  ['no-agent-identities', file('var/lib/dhcpcd/duid')],
  ['no-cloud-init-state', link('var/lib/cloud/instance')],
  ['no-cloud-init-state', file('var/lib/cloud/instances/i-1/user-data.txt')],
  ['no-cloud-init-state', file('var/lib/cloud/seed/nocloud/user-data')],
  ['no-cloud-init-state', file('var/log/cloud-init.log', { bytes: 0 })],
  ['no-cloud-init-state', file('etc/netplan/50-cloud-init.yaml')],
  ['no-cloud-init-state', file('run/cloud-init/instance-data.json')],
  ['no-logs', file('var/log/apt/history.log')],
  ['no-logs', file('var/log/journal/0123/system.journal', { bytes: 0 })],
  ['no-logs', file('var/lib/wtmpdb/wtmp.db')],
  ['no-history', file('root/.bash_history')],
  ['no-history', file('root/.lesshst', { bytes: 0 })],
  ['no-history', file('home/app/.python_history')],
  ['no-history', file('root/.mysql_history')],
  ['no-history', file('var/lib/postgresql/.psql_history')],
  ['no-history', file('root/.wget-hsts')],
  ['no-history', file('root/.ssh/known_hosts')],
  ['machine-id-empty', file('var/lib/dbus/machine-id')],
  ['no-random-seed', file('var/lib/systemd/random-seed', { bytes: 512 })],
  ['no-random-seed', file('var/lib/systemd/credential.secret')],
  ['no-random-seed', file('boot/efi/loader/random-seed', { bytes: 512 })],
  ['no-temporary-users', folder('home/debian')],
  ['no-mail', file('var/mail/root')],
  ['no-mail', file('var/spool/exim4/input/1abc-D')],
  ['no-mail', file('root/dead.letter')],
  ['no-apt-leftovers', file('var/lib/apt/lists/deb.debian.org_debian_dists_trixie_InRelease')],
  ['no-apt-leftovers', file('var/cache/apt/archives/nginx_1.26_amd64.deb')],
  ['no-apt-leftovers', file('var/cache/apt/pkgcache.bin')],
  ['no-caches', file('root/.cache/pip/http/a')],
  ['no-caches', file('home/app/.npm/_cacache/index')],
  ['no-caches', file('var/cache/man/index.db')],
  ['no-package-leftovers', file('etc/ssh/sshd_config.dpkg-dist')],
  ['no-package-leftovers', file('etc/default/grub.ucf-old')],
  ['no-package-leftovers', file('usr/bin/bash.dpkg-new')],
  ['no-build-leftovers', folder('root/.ansible')],
  ['no-build-leftovers', folder('root/.mintmark-step')],
  ['no-build-leftovers', folder('opt/packer-provisioner-ansible-local')],
  ['tmp-empty', folder('tmp/x')],
  ['tmp-empty', file('var/tmp/agent.deb')],
  ['no-core-dumps', file('var/lib/systemd/coredump/core.nginx.0.zst')],
  ['no-core-dumps', file('var/crash/_usr_bin_x.0.crash')],
  ['no-core-dumps', file('root/core')],
  ['no-core-dumps', file('var/lib/app/core.4711')],
  ['no-memory-images', file('swapfile')],
  ['no-network-of-the-build', file('var/lib/dhcp/dhclient.eth0.leases')],
  ['no-network-of-the-build', file('etc/udev/rules.d/70-persistent-net.rules')],
  ['no-unowned-files', file('srv/data', { uid: 1001 })],
  ['no-unowned-files', folder('srv/shared', { gid: 4711 })],
  ['no-world-writable-files', file('srv/data', { mode: 0o666 })],
  ['no-world-writable-files', { ...file('srv/socket', { mode: 0o777 }), kind: 'other' }],
  ['sticky-folders', folder('srv/shared', { mode: 0o777 })],
  ['packages-whole', file('var/lib/dpkg/updates/0001')],
  ['set-id-programs', file('opt/tool', { mode: 0o4755 })],
  ['set-id-programs', file('usr/local/bin/tool', { mode: 0o2755 })],
  ['set-id-programs', file('usr/bin/bash', { mode: 0o4755 })],
  ['set-id-programs', file('usr/bin/python3.13', { mode: 0o4755 })],
  ['set-id-programs', file('usr/bin/chage', { mode: 0o6755 })],
  ['set-id-programs', file('usr/bin/passwd', { mode: 0o4775 })],
]

for (const [id, ...entries] of left) {
  hygiene(`${id}: ${entries.map(({ kind, path, mode }) => `${kind} ${path} ${mode.toString(8)}`)}`, () => {
    const disk = sealedDisk({ entries })
    assert.equal(bad(disk), [`${id} fail`])
    assert.match(foundBy(disk, id), `/${entries[0]?.path}`)
  })
}

const passwd = 'root:x:0:0::/root:/bin/sh\n'

/** A text that is not as it should be, the fact that has to say so, and how. */
const written: readonly (readonly [id: string, path: string, text: string, found: string])[] = [
  ['machine-id-empty', 'etc/machine-id', '0123456789abcdef0123456789abcdef\n', '/etc/machine-id'],
  [
    'no-temporary-users',
    'etc/passwd',
    `${passwd}nobody:x:65534:65534:::/bin/false\napp:x:1000:1000::/home/app:/bin/bash\n`,
    'user app, 1000, /bin/bash',
  ],
  [
    'no-temporary-users',
    'etc/passwd',
    `${passwd}app:x:1000:1000::/home/app:\n`,
    'no shell, which is /bin/sh',
  ],
  [
    'only-root-is-root',
    'etc/passwd',
    `${passwd}toor:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/false\n`,
    'user toor has the number 0',
  ],
  [
    'only-root-is-root',
    'etc/passwd',
    `${passwd}${passwd}app:x:1000:1000::/home/app:/bin/false\n`,
    'user root has the number 0',
  ],
  [
    'no-usable-passwords',
    'etc/passwd',
    'root::0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/false\n',
    'user root needs no password',
  ],
  ['no-usable-passwords', 'etc/shadow', 'root:$y$j9T$abc$def:20777::::::\n', 'user root has a password'],
  ['no-usable-passwords', 'etc/shadow', 'root:*:1::::::\napp::1::::::\n', 'user app needs no password'],
  [
    'no-usable-passwords',
    'etc/shadow',
    'root:!$6$salt$hash:1::::::\n',
    'user root has a password behind a lock',
  ],
  ['no-usable-passwords', 'etc/gshadow', 'shadow:$6$salt$hash::\n', 'group shadow has a password'],
  [
    'no-sudo-leftovers',
    'etc/sudoers.d/90-cloud-init-users',
    '# by cloud-init\n',
    '/etc/sudoers.d/90-cloud-init-users',
  ],
  [
    'no-sudo-leftovers',
    'etc/sudoers.d/build',
    'packer ALL=(ALL) NOPASSWD: ALL\n',
    'for packer, who is no user',
  ],
  [
    'no-credentials',
    'etc/apt/auth.conf.d/corp.conf',
    'machine apt.corp.example login ci password x\n',
    'has a password',
  ],
  ['no-credentials', 'root/.npmrc', '//registry.example/:_authToken=npm_x\n', '/root/.npmrc'],
  [
    'no-credentials',
    'etc/NetworkManager/system-connections/office',
    '[wifi-security]\npsk=hunter22\n',
    'office',
  ],
  [
    'no-credentials',
    'etc/wpa_supplicant/wpa_supplicant.conf',
    'network={\n  psk="hunter22"\n}\n',
    'wpa_supplicant',
  ],
  [
    'no-agent-identities',
    'etc/iscsi/initiatorname.iscsi',
    'InitiatorName=iqn.1993-08.org.debian:01:abc\n',
    'iscsi',
  ],
  [
    'no-network-of-the-build',
    'etc/netplan/10-lan.yaml',
    'match: {macaddress: "52:54:00:12:34:56"}\n',
    '52:54:00:12:34:56',
  ],
  [
    'no-network-of-the-build',
    'etc/.resolv.conf.systemd-resolved.bak',
    'nameserver 10.1.2.3\n',
    'nameserver 10.1.2.3',
  ],
  ['no-network-of-the-build', 'etc/hostname', 'packer-0123\n', 'packer-0123'],
  [
    'no-network-of-the-build',
    'etc/hosts',
    '127.0.0.1 localhost\n10.0.2.2 mirror.internal\n',
    '10.0.2.2 mirror.internal',
  ],
  ['no-disk-of-the-build', 'etc/fstab', '/dev/vda1 / ext4 rw 0 1\n', '/ from /dev/vda1'],
  [
    'no-disk-of-the-build',
    'boot/grub/grub.cfg',
    '  linux /vmlinuz root=/dev/nvme0n1p1 ro\n',
    '/dev/nvme0n1p1',
  ],
  [
    'packages-whole',
    'var/lib/dpkg/status',
    'Package: telnet\nStatus: deinstall ok config-files\n',
    'telnet: deinstall ok config-files',
  ],
  [
    'packages-whole',
    'var/lib/dpkg/triggers/Unincorp',
    'update-initramfs initramfs-tools\n',
    'triggers that did not run',
  ],
  [
    'no-mirror-left',
    'etc/apt/sources.list',
    'deb [signed-by=/x.gpg] http://10.0.2.2:8080/debian trixie main\n',
    '10.0.2.2',
  ],
  [
    'no-mirror-left',
    'etc/apt/sources.list',
    'deb http://deb.debian.org.example.com/debian trixie main\n',
    'example.com',
  ],
  ['no-mirror-left', 'etc/apt/sources.list', 'deb file:/srv/mirror trixie main\n', 'file:/srv/mirror'],
  [
    'no-mirror-left',
    'etc/apt/mirrors/debian.list',
    'https://deb.debian.org/debian\nhttp://10.0.2.2:8080/debian\tpriority:1\n',
    '10.0.2.2',
  ],
  [
    'no-mirror-left',
    'etc/apt/apt.conf.d/90proxy',
    'Acquire::http::Proxy "http://proxy.example:3128";\n',
    'proxy.example',
  ],
]

for (const [id, path, text, found] of written) {
  hygiene(`${id}: /${path} with ${JSON.stringify(text.slice(0, 60))}`, () => {
    const disk = sealedDisk({ texts: { [path]: text } })
    assert.equal(bad(disk), [`${id} fail`])
    assert.match(foundBy(disk, id), found)
  })
}

hygiene('an image asks the hosts of its own distribution, and of no other', () => {
  const ubuntu = { 'usr/lib/os-release': 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n' }
  const sources = (host: string): Readonly<Record<string, string | undefined>> => ({
    'etc/apt/sources.list.d/debian.sources': undefined,
    'etc/apt/sources.list.d/ubuntu.sources': `Types: deb\nURIs: http://${host}/ubuntu/\nSuites: noble\n`,
    'etc/apt/sources.list': '# moved to ubuntu.sources\n',
  })
  for (const host of [
    'archive.ubuntu.com',
    'security.ubuntu.com',
    'eu-west-1.ec2.archive.ubuntu.com',
    'ports.ubuntu.com',
  ])
    assert.equal(bad(sealedDisk({ texts: { ...ubuntu, ...sources(host) } })), [], host)
  for (const host of ['deb.debian.org', 'archive.ubuntu.com.example', 'xarchive.ubuntu.com'])
    assert.equal(bad(sealedDisk({ texts: { ...ubuntu, ...sources(host) } })), ['no-mirror-left fail'], host)
  assert.equal(bad(sealedDisk({ texts: sources('archive.ubuntu.com') })), ['no-mirror-left fail'])
  const mirrors = 'URIs: mirror+file:///etc/apt/mirrors/debian.list https://cdn-aws.deb.debian.org/debian\n'
  assert.equal(bad(sealedDisk({ texts: { 'etc/apt/sources.list.d/debian.sources': mirrors } })), [])
})

hygiene("dnf's sources are read as apt's are", () => {
  const repo = (line: string): Readonly<Record<string, string | undefined>> => ({
    'usr/lib/os-release': 'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
    'etc/apt/sources.list.d/debian.sources': undefined,
    'etc/yum.repos.d/rocky.repo': `[baseos]\n${line}\n#baseurl=http://10.0.2.2/x\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9\n`,
  })
  const official = 'mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch'
  assert.equal(bad(sealedDisk({ texts: repo(official) })), [])
  for (const line of ['baseurl=http://10.0.2.2:8080/rocky', `${official}\nproxy=http://proxy.example:3128`])
    assert.equal(bad(sealedDisk({ texts: repo(line) })), ['no-mirror-left fail'], line)
  const none = sealedDisk({ texts: { ...repo(official), 'etc/yum.repos.d/rocky.repo': undefined } })
  assert.match(foundBy(none, 'no-mirror-left'), 'there are no sources for dnf')
})

hygiene.run()
