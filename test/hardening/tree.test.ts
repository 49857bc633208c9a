import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CheckReport } from '../../pipeline/model/hardening.ts'
import { debianTree, snapshot } from './debian-tree.ts'
import { ownContent, rendered } from './rendered.ts'
import { spoils } from './spoils.ts'

const content = await ownContent()
const scripts = mkdtempSync(join(tmpdir(), 'mintmark-scripts-'))
chmodSync(scripts, 0o755)
const texts = rendered(content, 'debian-13')
writeFileSync(join(scripts, 'harden.sh'), texts.harden)
writeFileSync(join(scripts, 'check'), texts.check)

const harden = (root: string): string =>
  execFileSync('sh', [join(scripts, 'harden.sh'), '--root', root], { encoding: 'utf8' })

function check(
  root: string,
  prefix: readonly string[] = [],
): { readonly code: number | null; readonly report: CheckReport } {
  const [program = 'sh', ...args] = [...prefix, 'sh', join(scripts, 'check'), '--json', '--root', root]
  const done = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 24 })
  return { code: done.status, report: CheckReport.parse(JSON.parse(done.stdout)) }
}

const not = (report: CheckReport, status: string): readonly string[] =>
  report.results
    .filter((result) => result.status !== status && result.status !== 'notapplicable')
    .map((result) => result.control)

const trees = suite('a tree')

let root = ''
trees.before(() => {
  root = debianTree()
})
trees.after(() => {
  rmSync(root, { recursive: true, force: true })
  rmSync(scripts, { recursive: true, force: true })
})

trees('is found wanting before it is hardened', () => {
  const { code, report } = check(root)
  assert.is(code, 1)
  assert.is(report.image, 'corp-base=1.2.3')
  assert.is(report.phase, 'sealed')
  const failed = not(report, 'pass')
  for (const id of [
    'ssh-root-login',
    'ssh-password-login',
    'kernel-aslr',
    'account-no-empty-password',
    'password-max-days',
    'mount-tmp',
    'firewall-default-drop',
    'files-world-writable',
    'journal-local',
    'network-forwarding',
  ]) {
    assert.ok(failed.includes(id), id)
  }
})

trees('holds every control after it, and a second run changes no byte', () => {
  harden(root)
  const once = snapshot(root)
  harden(root)
  assert.is(snapshot(root), once)
  const { code, report } = check(root)
  assert.equal(not(report, 'pass'), [])
  assert.is(code, 0)
  assert.is(snapshot(root), once, 'check changes nothing')
  assert.not.ok(
    report.results.some((result) => result.control === 'apparmor-enforces'),
    'it holds in running machines only',
  )
})

trees('owns files that say so', () => {
  for (const path of [
    'etc/ssh/sshd_config.d/00-mintmark.conf',
    'etc/sysctl.d/99-zz-mintmark.conf',
    'etc/sudoers.d/99-mintmark',
    'etc/nftables.conf',
  ]) {
    assert.match(readFileSync(join(root, path), 'utf8').split('\n').slice(0, 2).join(' '), /mintmark/, path)
  }
  assert.is(readFileSync(join(root, 'etc/issue'), 'utf8').split('\n').length, 2)
})

trees('keeps what others wrote', () => {
  assert.match(readFileSync(join(root, 'etc/login.defs'), 'utf8'), /^UID_MIN 1000$/m)
  assert.match(readFileSync(join(root, 'etc/fstab'), 'utf8'), /^UUID=1 \/ ext4 defaults 0 1$/m)
  assert.match(readFileSync(join(root, 'etc/shadow'), 'utf8'), /^debian:!:20000:1:90:7:30::$/m)
  assert.match(readFileSync(join(root, 'etc/passwd'), 'utf8'), /^debian:.*:\/bin\/bash$/m)
})

trees('prints a table for people', () => {
  const text = execFileSync('sh', [join(scripts, 'check'), '--root', root], { encoding: 'utf8' })
  assert.match(text, /^CONTROL +STATUS +EXPECTED +FOUND$/m)
  assert.match(text, /^ssh-root-login +pass +PermitRootLogin no +PermitRootLogin no/m)
  assert.match(text, /0 fail, 0 error/)
})

for (const { what, fails, spoil } of spoils) {
  trees(`sees ${what}`, () => {
    const copy = `${root} spoilt`
    execFileSync('cp', ['-a', root, copy])
    try {
      spoil((path) => join(copy, path))
      const { code, report } = check(copy)
      assert.equal(not(report, 'pass'), fails)
      assert.is(code, fails.length === 0 ? 0 : 1)
      for (const result of report.results)
        assert.ok(result.found !== '' && result.expected !== '', result.control)
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  })
}

trees('never says pass about what it can not read', () => {
  const copy = `${root} closed`
  execFileSync('cp', ['-a', root, copy])
  try {
    const closed = [
      'etc/shadow',
      'etc/ssh/sshd_config',
      'etc/audit/auditd.conf',
      'etc/sudoers',
      'etc/audit/rules.d',
      'etc/sysctl.d/99-zz-mintmark.conf',
    ]
    for (const path of closed) chmodSync(join(copy, path), 0)
    const asNobody =
      process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []
    const { code, report } = check(copy, asNobody)
    assert.is(code, 2)
    const status = new Map(report.results.map((result) => [result.control, result.status]))
    for (const id of [
      'account-uid-zero',
      'ssh-root-login',
      'audit-disk-full',
      'sudo-pty',
      'audit-time',
      'kernel-aslr',
    ]) {
      assert.is(status.get(id), 'error', id)
    }
    assert.is(status.get('module-dccp'), 'pass')
  } finally {
    execFileSync('chmod', ['-R', 'u+rwX', copy])
    rmSync(copy, { recursive: true, force: true })
  }
})

trees('escapes whatever it finds', () => {
  const copy = `${root} odd`
  execFileSync('cp', ['-a', root, copy])
  try {
    writeFileSync(join(copy, 'etc/ssh/sshd_config.d/00-a.conf'), 'PermitRootLogin "a\\b\u0001c\u007f é\n', {
      mode: 0o600,
    })
    const found =
      check(copy).report.results.find((result) => result.control === 'ssh-root-login')?.found ?? ''
    assert.ok(found.includes('a\\b\u0001c\u007f é'), JSON.stringify(found))
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
})

trees('refuses what is no tree', () => {
  const harmless = spawnSync('sh', [join(scripts, 'harden.sh'), '--root', scripts], { encoding: 'utf8' })
  assert.is(harmless.status, 1)
  assert.match(harmless.stderr, /is not a folder/)
  assert.is(spawnSync('sh', [join(scripts, 'check'), '--root', scripts]).status, 2)
  assert.is(spawnSync('sh', [join(scripts, 'check'), '--nonsense']).status, 2)
})

trees.run()
