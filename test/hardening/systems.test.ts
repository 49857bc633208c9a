import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systems as facts } from '../../pipeline/core/systems.ts'
import { CheckReport, type ControlOs } from '../../pipeline/model/hardening.ts'
import { buildRpms, installRpms } from '../helpers/rpm-packages.ts'
import { debianTree, snapshot, type TreeFile, treeFiles } from './debian-tree.ts'
import { elFiles, elMissing, elPackages } from './el-tree.ts'
import { ownContent, rendered, systems } from './rendered.ts'

const trees = suite("other systems' trees")
const content = await ownContent()
/** A system's own files, on top of Debian's. */
const filesOf = (os: ControlOs): readonly TreeFile[] | undefined => treeFiles[os] ?? elFiles[os]

const made = mkdtempSync(join(tmpdir(), 'mintmark-rpms-'))
const rpms = buildRpms(made, elPackages)
trees.after(() => rmSync(made, { recursive: true, force: true }))

function treeOf(os: ControlOs): string {
  const root = debianTree(filesOf(os))
  if (facts[os].manager === 'apt') return root
  for (const path of elMissing) rmSync(join(root, path), { recursive: true })
  for (const service of ['system-auth', 'password-auth'])
    symlinkSync(`/etc/authselect/${service}`, join(root, 'etc/pam.d', service))
  if (process.getuid?.() === 0)
    for (const path of ['etc/shadow', 'etc/gshadow']) chownSync(join(root, path), 0, 0)
  mkdirSync(join(root, 'var/lib/rpm'), { recursive: true })
  installRpms(root, rpms)
  return root
}

/** What a person does to a hardened tree, and the control that says so: those that only this system has. */
const spoils: Readonly<
  Partial<Record<ControlOs, readonly (readonly [id: string, at: (root: string) => void])[]>>
> = {
  'ubuntu-22.04': [
    ['service-no-ufw', (root) => unlinkSync(join(root, 'etc/systemd/system/ufw.service'))],
    ['service-no-apport', (root) => unlinkSync(join(root, 'etc/systemd/system/apport.service'))],
    ['audit-netplan', (root) => rewrite(root, 'etc/audit/rules.d/50-mintmark.rules', /.*netplan.*\n/, '')],
    [
      'password-hash-method-sha512',
      (root) => rewrite(root, 'etc/login.defs', 'ENCRYPT_METHOD\tSHA512', 'ENCRYPT_METHOD\tMD5'),
    ],
  ],
  'amazon-linux-2023': [
    ['rpm-no-telnet-client', (root) => addRpm(root, 'telnet')],
    [
      'rpm-sudo',
      (root) =>
        void execFileSync('rpm', [...rpmOf(root), '-e', '--justdb', '--nodeps', 'sudo'], { stdio: 'pipe' }),
    ],
    ['pam-stacks', (root) => rewrite(root, 'etc/authselect/system-auth', / no_pass_expiry/, '')],
    [
      'pam-stacks',
      (root) =>
        rewrite(root, 'etc/authselect/password-auth', /^auth/m, 'auth sufficient pam_permit.so\nauth'),
    ],
    ['pam-stacks', (root) => unlinkSync(join(root, 'etc/pam.d/password-auth'))],
    ['firewall-loaded', (root) => rewrite(root, 'etc/sysconfig/nftables.conf', /^include.*/m, '')],
    [
      'selinux-enforcing',
      (root) => rewrite(root, 'etc/selinux/config', 'SELINUX=enforcing', 'SELINUX=permissive'),
    ],
    ['crypto-policy', (root) => rewrite(root, 'etc/crypto-policies/state/current', 'DEFAULT', 'LEGACY')],
    [
      'crypto-policy',
      (root) => rewrite(root, 'etc/crypto-policies/state/current', 'DEFAULT', 'DEFAULT:SHA1'),
    ],
    ...['DEFAULT:NO-SHA1:AD-SUPPORT-LEGACY', 'FUTURE:SHA1', 'DEFAULT:NO-ENFORCE-EMS'].map(
      (policy) =>
        [
          'crypto-policy',
          (root: string) => rewrite(root, 'etc/crypto-policies/state/current', 'DEFAULT', policy),
        ] as const,
    ),
    ['account-gid-zero-system', (root) => rewrite(root, 'etc/passwd', 'games:x:12:100', 'games:x:12:0')],
    ['service-no-firewalld', (root) => unlinkSync(join(root, 'etc/systemd/system/firewalld.service'))],
    ['service-sshd', (root) => symlinkSync('/dev/null', join(root, 'etc/systemd/system/sshd.service'))],
    ['su-for-wheel', (root) => rewrite(root, 'etc/pam.d/su', 'group=wheel', 'trust')],
    [
      'dnf-repository-signatures',
      (root) =>
        writeFileSync(
          join(root, 'etc/yum.repos.d/b.repo'),
          '[b]\nname=b\nbaseurl=https://b\ngpgcheck = False\n',
        ),
    ],
    ['dnf-signatures', (root) => rewrite(root, 'etc/dnf/dnf.conf', 'gpgcheck=1', 'gpgcheck=0')],
    [
      'ssh-key-exchange-plain',
      (root) => rewrite(root, 'etc/ssh/sshd_config.d/00-mintmark.conf', /^Kex.*\n/m, ''),
    ],
    ['ssh-gssapi', (root) => rewrite(root, 'etc/ssh/sshd_config.d/00-mintmark.conf', /^GSSAPI.*\n/m, '')],
  ],
  'rocky-9': [
    [
      'audit-network-manager',
      (root) => rewrite(root, 'etc/audit/rules.d/50-mintmark.rules', /.*NetworkManager.*\n/, ''),
    ],
  ],
  'ubuntu-24.04': [
    [
      'service-ssh-socket',
      (root) => {
        for (const unit of ['ssh.socket', 'ssh.service'])
          symlinkSync('/dev/null', join(root, 'etc/systemd/system', unit))
      },
    ],
  ],
}

const rpmOf = (root: string): readonly string[] => ['--dbpath', join(root, 'var/lib/rpm')]

function addRpm(root: string, name: string): void {
  const folder = join(made, name)
  installRpms(root, buildRpms(folder, [name]))
}

function rewrite(root: string, path: string, from: string | RegExp, to: string): void {
  const before = execFileSync('cat', [join(root, path)], { encoding: 'utf8' })
  assert.is.not(before.replace(from, to), before, path)
  writeFileSync(join(root, path), before.replace(from, to))
}

for (const os of systems.filter((id) => filesOf(id) !== undefined)) {
  trees(
    `${os}: holds every control after hardening, a second run changes no byte, and each own control sees its spoil`,
    () => {
      const work = mkdtempSync(join(tmpdir(), 'mintmark-systems-'))
      const root = treeOf(os)
      try {
        const texts = rendered(content, os)
        writeFileSync(join(work, 'harden.sh'), texts.harden)
        writeFileSync(join(work, 'check'), texts.check)
        const harden = (): string =>
          execFileSync('sh', [join(work, 'harden.sh'), '--root', root], { encoding: 'utf8' })
        const failing = (at: string): readonly string[] => {
          const done = spawnSync('sh', [join(work, 'check'), '--json', '--root', at], {
            encoding: 'utf8',
            maxBuffer: 1 << 24,
          })
          return CheckReport.parse(JSON.parse(done.stdout)).results.flatMap(({ control, status }) =>
            status === 'pass' || status === 'notapplicable' ? [] : [control],
          )
        }
        assert.ok(failing(root).length > 20)
        harden()
        const once = snapshot(root)
        harden()
        assert.is(snapshot(root), once)
        assert.equal(failing(root), [])
        for (const [id, spoil] of spoils[os] ?? []) {
          const copy = `${root} spoilt`
          execFileSync('cp', ['-a', root, copy])
          try {
            spoil(copy)
            assert.equal(failing(copy), [id])
          } finally {
            rmSync(copy, { recursive: true, force: true })
          }
        }
      } finally {
        for (const folder of [work, root]) rmSync(folder, { recursive: true, force: true })
      }
    },
  )
}

trees(
  'a rule of the system that switches the audit off is put out of use, and hides all of ours when it is back',
  () => {
    const work = mkdtempSync(join(tmpdir(), 'mintmark-systems-'))
    const root = treeOf('rocky-9')
    try {
      const texts = rendered(content, 'rocky-9')
      writeFileSync(join(work, 'harden.sh'), texts.harden)
      writeFileSync(join(work, 'check'), texts.check)
      execFileSync('sh', [join(work, 'harden.sh'), '--root', root])
      const rules = join(root, 'etc/audit/rules.d/audit.rules')
      assert.match(execFileSync('cat', [rules], { encoding: 'utf8' }), /^# -a never,task$/m)
      writeFileSync(rules, '-a task,never\n')
      const { stdout } = spawnSync('sh', [join(work, 'check'), '--root', root], { encoding: 'utf8' })
      assert.match(stdout, /^audit-identity +fail .* -a task,never hides it/m)
      assert.match(stdout, /^audit-unchangeable +pass /m)
    } finally {
      for (const folder of [work, root]) rmSync(folder, { recursive: true, force: true })
    }
  },
)

trees('every system that nobody booted is tried on a tree at least', () => {
  assert.equal(
    systems.filter((id) => facts[id].verified === 'rendered-only' && filesOf(id) === undefined),
    [],
  )
})

trees.run()
