import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ControlOs } from '../../pipeline/model/hardening.ts'

/** Path below the root, content, mode (0644). */
export type TreeFile = readonly [path: string, content: string, mode?: number]

export const unit = (target: string): string =>
  `[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=${target}\n`

const installed = [
  'auditd',
  'nftables',
  'sudo',
  'apparmor',
  'libpam-pwquality',
  'systemd-timesyncd',
  'openssh-server',
  'libpam-runtime',
  'cracklib-runtime',
  'logrotate',
]

const packages = [
  ...installed.map((name) => `Package: ${name}\nStatus: install ok installed\nVersion: 1\n`),
  // Removed, its configuration is still there: not installed.
  'Package: telnetd\nStatus: deinstall ok config-files\nVersion: 1\n',
].join('\n')

/** What pam-auth-update makes of our profiles (it is perl and Debian's, so the tree brings its result). */
const pam: Readonly<Record<string, string>> = {
  auth: `auth\trequisite pam_faillock.so preauth
auth\t[success=2 default=ignore] pam_unix.so try_first_pass
auth\t[default=die] pam_faillock.so authfail
auth\trequisite\t\t\tpam_deny.so
auth\trequired\t\t\tpam_permit.so
`,
  account: `account\trequired pam_faillock.so
account\t[success=1 new_authtok_reqd=done default=ignore] pam_unix.so no_pass_expiry
account\trequisite\t\t\tpam_deny.so
account\trequired\t\t\tpam_permit.so
`,
  password: `password\trequisite\t\t\tpam_pwquality.so retry=3
password\trequisite pam_pwhistory.so remember=24 enforce_for_root try_first_pass use_authtok
password\t[success=1 default=ignore] pam_unix.so obscure use_authtok try_first_pass yescrypt
password\trequisite\t\t\tpam_deny.so
password\trequired\t\t\tpam_permit.so
`,
  session: `session\t[default=1]\t\t\tpam_permit.so
session\trequisite\t\t\tpam_deny.so
session\trequired\t\t\tpam_permit.so
session\trequired pam_unix.so
session\toptional pam_umask.so umask=0027 nousergroups
`,
}

const files: readonly TreeFile[] = [
  ['etc/os-release', 'ID=debian\nIMAGE_ID="corp-base"\nIMAGE_VERSION="1.2.3"\n'],
  [
    'etc/passwd',
    'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\nsync:x:4:65534:sync:/bin:/bin/sync\ngames:x:5:60::/usr/games:/bin/sh\ndebian:x:1000:1000::/home/debian:/bin/bash\n',
  ],
  [
    'etc/group',
    'root:x:0:\ndaemon:x:1:\nadm:x:4:\nsudo:x:27:debian\nshadow:x:42:\ngames:x:60:\nnogroup:x:65534:\ndebian:x:1000:\n',
  ],
  [
    'etc/shadow',
    'root::20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\nsync:*:20000:0:99999:7:::\ngames:*:20000:0:99999:7:::\ndebian:!:20000:1:90:7:30::\n',
    0o640,
  ],
  ['etc/gshadow', 'root:*::\n', 0o640],
  [
    'etc/login.defs',
    '# a comment on PASS_MAX_DAYS\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\nPASS_WARN_AGE\t7\nENCRYPT_METHOD SHA512\n#HOME_MODE\t0700\nUID_MIN 1000\n',
  ],
  ['etc/default/useradd', 'SHELL=/bin/sh\n# INACTIVE=-1\n'],
  ['etc/fstab', '# fstab\nUUID=1 / ext4 defaults 0 1\ntmpfs /tmp tmpfs defaults 0 0\n'],
  [
    'etc/ssh/sshd_config',
    '# the server\n\nInclude /etc/ssh/sshd_config.d/*.conf\n\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\nSubsystem sftp /usr/lib/openssh/sftp-server\n',
  ],
  ['etc/ssh/sshd_config.d/50-cloud-init.conf', 'PasswordAuthentication yes\n', 0o600],
  ['etc/ssh/ssh_host_ed25519_key', 'x', 0o600],
  ['etc/ssh/ssh_host_ed25519_key.pub', 'x'],
  [
    'etc/sudoers',
    'Defaults\tenv_reset\nDefaults\tuse_pty, mail_badpass\nroot ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n',
    0o440,
  ],
  ['etc/sudoers.d/90-cloud-init-users', 'debian ALL=(ALL) NOPASSWD:ALL\n', 0o440],
  ['etc/sudoers.d/README', '# nothing\n', 0o440],
  [
    'etc/audit/auditd.conf',
    'log_file = /var/log/audit/audit.log\nmax_log_file = 8\nnum_logs = 5\nmax_log_file_action = ROTATE\ndisk_full_action = SUSPEND\n',
    0o640,
  ],
  ['etc/audit/rules.d/audit.rules', '-D\n-b 8192\n-f 1\n', 0o640],
  ['etc/security/pwquality.conf', '# minlen = 8\n# enforce_for_root\n'],
  ['etc/security/faillock.conf', '# deny = 3\n# even_deny_root\n'],
  ['etc/security/opasswd', '', 0o600],
  [
    'etc/pam.d/su',
    '# su\nauth       sufficient pam_rootok.so\n# auth       required   pam_wheel.so\nsession    required   pam_env.so\n@include common-auth\n',
  ],
  ...Object.entries(pam).map(([section, text]): readonly [string, string] => [
    `etc/pam.d/common-${section}`,
    text,
  ]),
  ['etc/issue', 'Debian GNU/Linux 13 \\n \\l\n'],
  ['etc/issue.net', 'Debian GNU/Linux 13\n'],
  ['etc/motd', 'The programs included\n'],
  ['etc/crontab', '', 0o644],
  ['etc/nftables.conf', '#!/usr/sbin/nft -f\nflush ruleset\n', 0o755],
  ['usr/lib/systemd/system/nftables.service', unit('sysinit.target')],
  ['usr/lib/systemd/system/auditd.service', unit('multi-user.target')],
  ['usr/lib/systemd/system/ssh.service', unit('multi-user.target')],
  ['usr/lib/systemd/system/systemd-timesyncd.service', unit('sysinit.target')],
  ['usr/lib/systemd/system/apparmor.service', unit('sysinit.target')],
  ['usr/lib/systemd/system/debug-shell.service', unit('sysinit.target')],
  ['usr/lib/systemd/journald.conf', '[Journal]\n#Storage=auto\n'],
  ['usr/lib/systemd/journald.conf.d/syslog.conf', '[Journal]\nForwardToSyslog=yes\n'],
  ['usr/lib/systemd/resolved.conf', '[Resolve]\nLLMNR=yes\n'],
  [
    'usr/lib/sysctl.d/50-default.conf',
    '# defaults\n-net.ipv4.conf.all.rp_filter\nnet.ipv4.conf.*.rp_filter = 2\nkernel.sysrq = 16\n',
  ],
  ['etc/sysctl.conf', 'net.ipv4.ip_forward=1\n'],
  ['usr/lib/modprobe.d/aliases.conf', 'alias block-major-3-* ide-probe\n'],
  ['var/lib/dpkg/status', packages],
  ['var/cache/cracklib/cracklib_dict.pwd', 'words'],
  ['var/lib/world.txt', 'everybody may write this\n', 0o666],
]

const folders: readonly (readonly [path: string, mode: number])[] = [
  ['tmp', 0o1777],
  ['var/tmp', 0o777],
  ['root', 0o755],
  ['dev', 0o755],
  ['proc', 0o555],
  ['run', 0o755],
  ['sys', 0o555],
  ['etc/cron.d', 0o755],
  ['etc/cron.daily', 0o755],
  ['etc/sudoers.d', 0o755],
  ['var/log/audit', 0o755],
  ['etc/modprobe.d', 0o755],
  ['etc/systemd/system', 0o755],
  ['usr/share/pam-configs', 0o755],
]

/** In what a system's own tree differs from Debian's. */
export const treeFiles: Readonly<Partial<Record<ControlOs, readonly TreeFile[]>>> = {
  'ubuntu-22.04': [
    ['etc/os-release', 'ID=ubuntu\nID_LIKE=debian\nIMAGE_ID="corp-base"\nIMAGE_VERSION="1.2.3"\n'],
    ['etc/netplan/50-cloud-init.yaml', 'network: {}\n', 0o600],
    ['etc/ssh/sshd_config.d/60-cloudimg-settings.conf', 'PasswordAuthentication no\n'],
    ['usr/lib/systemd/system/ufw.service', unit('multi-user.target')],
    ['usr/lib/systemd/system/apport.service', unit('multi-user.target')],
  ],
  'ubuntu-24.04': [
    ['etc/os-release', 'ID=ubuntu\nID_LIKE=debian\nIMAGE_ID="corp-base"\nIMAGE_VERSION="1.2.3"\n'],
    ['usr/lib/systemd/system/ufw.service', unit('multi-user.target')],
    ['usr/lib/systemd/system/apport.service', unit('multi-user.target')],
    ['usr/lib/systemd/system/ssh.socket', '[Socket]\nListenStream=22\n[Install]\nWantedBy=sockets.target\n'],
  ],
}

/**
 * A small tree like Debian's, with more files of a system, as it is before hardening: loose modes, defaults, a cloud-init
 * drop-in. The caller removes it.
 */
export function debianTree(more: readonly TreeFile[] = []): string {
  const root = mkdtempSync(join(tmpdir(), 'mintmark tree '))
  chmodSync(root, 0o755)
  for (const [path, mode] of folders) {
    mkdirSync(join(root, path), { recursive: true })
    chmodSync(join(root, path), mode)
  }
  for (const [path, content, mode = 0o644] of [...files, ...more]) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
    chmodSync(join(root, path), mode)
  }
  if (process.getuid?.() === 0)
    for (const path of ['etc/shadow', 'etc/gshadow']) chownSync(join(root, path), 0, 42)
  mkdirSync(join(root, 'etc/sysctl.d'))
  symlinkSync('../sysctl.conf', join(root, 'etc/sysctl.d/99-sysctl.conf'))
  return root
}

/** Path, mode, owner and content of everything below the folder: equal texts mean that nothing was touched. */
export function snapshot(root: string): string {
  const sh =
    'cd "$1"; find . -printf "%p %m %U %G %y %l\\n" | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum'
  return execFileSync('sh', ['-c', sh, 'sh', root], { encoding: 'utf8' })
}
