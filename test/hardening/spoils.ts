import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import * as assert from 'uvu/assert'

/** One thing that somebody does to a hardened tree, and the controls that must say so (and no others). */
export interface Spoil {
  readonly what: string
  readonly fails: readonly string[]
  readonly spoil: (at: (path: string) => string) => void
}

const add =
  (path: string, content: string, mode = 0o644): Spoil['spoil'] =>
  (at) => {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), content)
    chmodSync(at(path), mode)
  }
const append =
  (path: string, line: string): Spoil['spoil'] =>
  (at) =>
    appendFileSync(at(path), `${line}\n`)
const change =
  (path: string, from: string | RegExp, to: string): Spoil['spoil'] =>
  (at) => {
    const before = readFileSync(at(path), 'utf8')
    const after = before.replace(from, to)
    assert.is.not(after, before, `nothing to change in ${path}`)
    writeFileSync(at(path), after)
  }
const mode =
  (path: string, bits: number): Spoil['spoil'] =>
  (at) =>
    chmodSync(at(path), bits)

export const spoils: readonly Spoil[] = [
  {
    what: 'an sshd drop-in that sorts before ours',
    fails: ['ssh-root-login'],
    spoil: add('etc/ssh/sshd_config.d/00-a.conf', 'PermitRootLogin yes\n', 0o600),
  },
  {
    what: 'an sshd drop-in that sorts after ours',
    fails: [],
    spoil: add('etc/ssh/sshd_config.d/99-late.conf', 'PermitRootLogin yes\n', 0o600),
  },
  {
    what: 'a Match block',
    fails: ['ssh-password-login'],
    spoil: append('etc/ssh/sshd_config', 'Match User bob\n  PasswordAuthentication yes'),
  },
  {
    what: 'an option under its old name, before ours',
    fails: ['ssh-keyboard-interactive'],
    spoil: add('etc/ssh/sshd_config.d/00-a.conf', 'ChallengeResponseAuthentication=yes\n', 0o600),
  },
  {
    what: 'sshd_config without the include',
    fails: ['ssh-x11-forwarding'],
    spoil: change('etc/ssh/sshd_config', /^/, 'X11Forwarding yes\n'),
  },
  {
    what: 'a later sysctl file, with slashes',
    fails: ['network-forwarding'],
    spoil: add('etc/sysctl.d/99-zzz.conf', 'net/ipv4/ip_forward = 1\n'),
  },
  {
    what: 'a later sysctl file of a package',
    fails: ['kernel-aslr'],
    spoil: add('usr/lib/sysctl.d/99-zzz.conf', 'kernel.randomize_va_space=0\n'),
  },
  {
    what: 'a later sysctl pattern, which a full name wins over',
    fails: [],
    spoil: add('etc/sysctl.d/99-zzz.conf', 'net.ipv4.conf.*.rp_filter = 2\n'),
  },
  {
    what: 'an install line that modprobe meets first',
    fails: ['module-dccp'],
    spoil: add('etc/modprobe.d/00-a.conf', 'install dccp /sbin/modprobe --ignore-install dccp\n'),
  },
  {
    what: 'a later journald drop-in of a package',
    fails: ['journal-kept'],
    spoil: add('usr/lib/systemd/journald.conf.d/zzz.conf', '[Journal]\nStorage=volatile\n'),
  },
  {
    what: 'the same option in another section',
    fails: [],
    spoil: add('etc/systemd/journald.conf.d/zzz.conf', '[Other]\nStorage=volatile\n'),
  },
  {
    what: 'a second line in login.defs',
    fails: ['password-max-days'],
    spoil: append('etc/login.defs', 'PASS_MAX_DAYS 99999'),
  },
  {
    what: 'more wrong passwords',
    fails: ['lockout-after-failures'],
    spoil: append('etc/security/faillock.conf', 'deny = 50'),
  },
  { what: 'a readable shadow', fails: ['files-shadow'], spoil: mode('etc/shadow', 0o644) },
  {
    what: 'a readable drop-in of sshd',
    fails: ['files-sshd-config'],
    spoil: mode('etc/ssh/sshd_config.d/00-mintmark.conf', 0o644),
  },
  { what: 'a stricter mode', fails: [], spoil: mode('etc/passwd', 0o600) },
  { what: 'a file for everybody', fails: ['files-world-writable'], spoil: mode('var/lib/world.txt', 0o646) },
  {
    what: 'a shared folder that is not sticky',
    fails: ['files-shared-folders', 'files-sticky'],
    spoil: mode('var/tmp', 0o777),
  },
  {
    what: 'a later sudo default',
    fails: ['sudo-pty'],
    spoil: add('etc/sudoers.d/zz', 'Defaults env_reset, !use_pty\n', 0o440),
  },
  {
    what: 'a sudo default for one user',
    fails: ['sudo-timeout'],
    spoil: add('etc/sudoers.d/zz', 'Defaults:bob timestamp_timeout = -1\n', 0o440),
  },
  {
    what: 'a sudoers file whose name is not read',
    fails: [],
    spoil: add('etc/sudoers.d/zz.conf', 'Defaults !use_pty\n', 0o440),
  },
  {
    what: 'password rules without their word list',
    fails: ['password-dictionary-present'],
    spoil: (at) => unlinkSync(at('var/cache/cracklib/cracklib_dict.pwd')),
  },
  {
    what: 'an audit rule less',
    fails: ['audit-identity'],
    spoil: change('etc/audit/rules.d/50-mintmark.rules', '-w /etc/shadow -p wa -k identity\n', ''),
  },
  {
    what: 'an audit rule in another spelling',
    fails: [],
    spoil: change(
      'etc/audit/rules.d/50-mintmark.rules',
      '-S adjtimex,settimeofday,clock_settime -F key=time-change',
      '-S clock_settime -S adjtimex -S settimeofday -k time-change',
    ),
  },
  {
    what: 'an audit that panics',
    fails: ['audit-failure-mode'],
    spoil: add('etc/audit/rules.d/zz.rules', '-f 2\n', 0o640),
  },
  {
    what: 'an audit that halts on a full disk',
    fails: ['audit-disk-full'],
    spoil: append('etc/audit/auditd.conf', 'disk_full_action = HALT'),
  },
  {
    what: 'an open port more',
    fails: ['firewall-ports'],
    spoil: add('etc/nftables.d/x.nft', 'add rule inet filter input tcp dport 8080 accept\n'),
  },
  { what: 'a port less', fails: ['firewall-ports'], spoil: change('etc/nftables.conf', '{ 22, 443 }', '22') },
  {
    what: 'a firewall that lets in',
    fails: ['firewall-default-drop'],
    spoil: change(
      'etc/nftables.conf',
      'hook input priority filter; policy drop',
      'hook input priority filter; policy accept',
    ),
  },
  {
    what: 'a second root',
    fails: ['account-uid-zero', 'account-unique-uid'],
    spoil: append('etc/passwd', 'toor:x:0:1000::/root:/usr/sbin/nologin'),
  },
  {
    what: 'an empty password',
    fails: ['account-no-empty-password'],
    spoil: change('etc/shadow', 'debian:!:', 'debian::'),
  },
  {
    what: 'a password that never ages',
    fails: ['account-hashed-ages'],
    spoil: change('etc/shadow', 'debian:!:20000:1:90', 'debian:$y$j9T$x$y:20000:1:99999'),
  },
  {
    what: 'a key that gets old on day 91',
    fails: ['password-ageing-spares-keys'],
    spoil: change('etc/pam.d/common-account', ' no_pass_expiry', ''),
  },
  {
    what: 'a second pam_unix line that takes empty passwords',
    fails: ['password-ageing-spares-keys'],
    spoil: append('etc/pam.d/common-auth', 'auth sufficient pam_unix.so nullok'),
  },
  {
    what: 'a lock-out that counts before the password is looked at',
    fails: ['lockout-module'],
    spoil: change('etc/pam.d/common-auth', /^(.*preauth\n)(.*\n)(.*authfail\n)/, '$1$3$2'),
  },
  {
    what: 'a mount option less',
    fails: ['mount-tmp'],
    spoil: change('etc/fstab', ',nosuid,nodev 0', ',nosuid 0'),
  },
  {
    what: 'a firewall that does not start',
    fails: ['service-firewall'],
    spoil: (at) => unlinkSync(at('etc/systemd/system/sysinit.target.wants/nftables.service')),
  },
  {
    what: 'a root shell on a console',
    fails: ['service-debug-shell'],
    spoil: (at) => unlinkSync(at('etc/systemd/system/debug-shell.service')),
  },
  {
    what: 'a package too much',
    fails: ['package-no-telnet-server'],
    spoil: append('var/lib/dpkg/status', '\nPackage: telnetd\nStatus: install ok installed\n'),
  },
  { what: 'another notice', fails: ['login-notice'], spoil: append('etc/issue', 'Debian 13') },
  {
    what: 'su without the group',
    fails: ['su-for-administrators'],
    spoil: change('etc/pam.d/su', ' group=sudo', ''),
  },
  {
    what: 'a sysctl file that is hidden',
    fails: [],
    spoil: (at) => symlinkSync('/dev/null', at('etc/sysctl.d/zzz.conf')),
  },
]
