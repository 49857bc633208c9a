import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type BootSeen, type BootWanted, bootFacts } from '../../pipeline/core/boot-facts.ts'
import type { ControlResult } from '../../pipeline/model/hardening.ts'
import { goodPeer } from '../helpers/peer-seen.ts'

const facts = suite('boot facts')

const gib = 2 ** 30
const wanted: BootWanted = {
  user: 'debian',
  image: 'debian-13',
  version: '1.0.0',
  ports: [22, 443],
  imageBytes: 4 * gib,
  excepted: ['audit-disk-full-halts'],
  tests: [],
}

const report = (results: readonly ControlResult[]): string =>
  JSON.stringify({ schema: 1, image: 'debian-13', phase: 'running', results })
const held = { control: 'sshd-root', status: 'pass', expected: 'no', found: 'no' } as const

/** What a root shows that begins after other partitions; sizes in bytes. */
const rootSize = (start: number, bytes: number, fileSystem: number, disk = 5 * gib): string =>
  `sectors ${bytes / 512}\nstart ${start / 512}\ndisk ${disk / 512}\nblocks ${fileSystem / 4096}\nblock 4096`
const start = 66 * 2 ** 20
const partition = 5 * gib - start - 2 ** 20
const texts = (name: string): Record<string, string> => ({
  user: 'debian',
  sudo: '0',
  password: '!',
  'machine-id': name.repeat(32),
  'host-keys': `ssh-ed25519 AAAA${name} root@mm-${name}\necdsa-sha2-nistp256 BBBB${name} root@mm-${name}`,
  'instance-id': `mm-${name}`,
  'os-release': 'ID=debian\nIMAGE_ID=debian-13\nIMAGE_VERSION=1.0.0',
  'cloud-result': JSON.stringify({ v1: { errors: [] } }),
  'cloud-status': JSON.stringify({ v1: {} }),
  'failed-units': '',
  'root-size': rootSize(start, partition, partition),
  listening: 'LISTEN 0 128 0.0.0.0:22 0.0.0.0:*',
  'listening-udp': 'UNCONN 0 0 10.0.2.15%eth0:68 0.0.0.0:*',
  check: report([held]),
})

interface Change {
  readonly answers?: Record<string, string | undefined>
  readonly boot?: Partial<BootSeen>
}

const boot = (name: string, change: Change = {}): BootSeen => ({
  instance: `mm-${name}`,
  secondsToLogin: 31,
  problem: '',
  answers: Object.fromEntries(
    Object.entries({ ...texts(name), ...change.answers }).flatMap(([key, text]) =>
      text === undefined ? [] : [[key, { text, code: 0 }] as const],
    ),
  ),
  rootLogin: { code: 255, stderr: 'root@127.0.0.1: Permission denied (publickey).' },
  loginMethods: ['publickey'],
  openPorts: [22],
  scanProblem: '',
  ownTests: [],
  peer: goodPeer,
  ...change.boot,
})

/** Facts that are not `pass` when the second boot is changed. */
const bad = (change: Change): readonly string[] =>
  bootFacts([boot('a'), boot('b', change)], wanted)
    .filter(({ status }) => status !== 'pass')
    .map(({ id, status }) => `${id} ${status}`)

facts('two good boots have nothing but passes', () => {
  assert.equal(bad({}), [])
  const ids = bootFacts([boot('a'), boot('b')], wanted).map(({ id }) => id)
  assert.is(new Set(ids).size, 16)
})

facts('a root that begins after large file systems of their own has grown as well', () => {
  const before = 4 * gib - 2 ** 20
  assert.equal(bad({ answers: { 'root-size': rootSize(before, gib, gib) } }), [])
})

const cases: readonly (readonly [string, string, Change])[] = [
  ['root is let in', 'root-login-refused fail', { boot: { rootLogin: { code: 0, stderr: '' } } }],
  [
    'root is told to log in as somebody else, after its key was taken',
    'root-login-refused fail',
    { boot: { rootLogin: { code: 142, stderr: '' } } },
  ],
  [
    'the connection failed for another reason',
    'root-login-refused unknown',
    { boot: { rootLogin: { code: 255, stderr: 'Connection timed out' } } },
  ],
  [
    'passwords are offered',
    'password-login-refused fail',
    { boot: { loginMethods: ['publickey', 'password'] } },
  ],
  ['methods are not known', 'password-login-refused unknown', { boot: { loginMethods: null } }],
  ['a port is open that nobody declared', 'only-declared-ports fail', { boot: { openPorts: [22, 8080] } }],
  ['nothing answers', 'only-declared-ports fail', { boot: { openPorts: [] } }],
  [
    'a declared service listens behind the firewall',
    'only-declared-ports fail',
    { answers: { listening: 'LISTEN 0 1 *:22 *:*\nLISTEN 0 1 *:443 *:*' } },
  ],
  ['the link was down', 'only-declared-ports unknown', { boot: { openPorts: null, scanProblem: 'down' } }],
  [
    'a control fails',
    'controls-hold fail',
    { answers: { check: report([held, { ...held, control: 'x', status: 'fail' }]) } },
  ],
  [
    'a control can not be looked at',
    'controls-hold fail',
    { answers: { check: report([{ ...held, status: 'error' }]) } },
  ],
  ['no control was looked at', 'controls-hold unknown', { answers: { check: report([]) } }],
  ['the check is not there', 'controls-hold unknown', { answers: { check: 'command not found' } }],
  [
    'a unit failed',
    'no-failed-units fail',
    { answers: { 'failed-units': 'nftables.service loaded failed failed' } },
  ],
  ['cloud-init is still at it', 'cloud-init-done fail', { answers: { 'cloud-result': 'No such file' } }],
  [
    'cloud-init had an error',
    'cloud-init-done fail',
    { answers: { 'cloud-result': JSON.stringify({ v1: { errors: ['growpart'] } }) } },
  ],
  [
    'neither partition nor file system grew',
    'root-grown fail',
    { answers: { 'root-size': rootSize(start, 4 * gib - start, 4 * gib - start) } },
  ],
  [
    'only the partition grew',
    'root-grown fail',
    { answers: { 'root-size': rootSize(start, partition, 4 * gib - start) } },
  ],
  [
    'the disk is no bigger than the image, so that nothing could grow',
    'root-grown fail',
    { answers: { 'root-size': rootSize(start, 4 * gib - start, 4 * gib - start, 4 * gib) } },
  ],
  ['the size is not known', 'root-grown unknown', { answers: { 'root-size': '' } }],
  ['sudo wants a password', 'sudo-works fail', { answers: { sudo: 'sudo: a password is required' } }],
  ['a password is set', 'sudo-works fail', { answers: { password: '$' } }],
  ['the password is empty', 'sudo-works fail', { answers: { password: '' } }],
  [
    'another version is running',
    'os-identity fail',
    { answers: { 'os-release': 'IMAGE_ID=debian-13\nIMAGE_VERSION=0.9.0' } },
  ],
  [
    'host keys come from the image',
    'host-keys-differ fail',
    { answers: { 'host-keys': texts('a')['host-keys'] } },
  ],
  ['there are no host keys', 'host-keys-differ fail', { answers: { 'host-keys': 'cat: no such file' } }],
  [
    'the machine-id comes from the image',
    'machine-id-differs fail',
    { answers: { 'machine-id': texts('a')['machine-id'] } },
  ],
  ['the machine-id is empty', 'machine-id-differs fail', { answers: { 'machine-id': '' } }],
  [
    'cloud-init takes it for the old instance',
    'instance-id-differs fail',
    { answers: { 'instance-id': 'mm-a' } },
  ],
  ['no instance-id was given', 'instance-id-differs unknown', { answers: { 'instance-id': undefined } }],
]

for (const [name, expected, change] of cases) {
  facts(`${name}: ${expected}`, () => assert.equal(bad(change), [expected]))
}

facts('one host key that two instances share is enough to fail', () => {
  const shared = `ssh-ed25519 AAAAb x@b\necdsa-sha2-nistp256 BBBBa root@mm-b`
  assert.equal(bad({ answers: { 'host-keys': shared } }), ['host-keys-differ fail'])
})

facts('a failed control that the definition excepts does not fail the fact, and is still counted', () => {
  const check = report([held, { ...held, control: 'audit-disk-full-halts', status: 'fail' }])
  const all = bootFacts([boot('a', { answers: { check } }), boot('b', { answers: { check } })], wanted)
  const fact = all.find(({ id }) => id === 'controls-hold')
  assert.is(fact?.status, 'pass')
  assert.is(fact?.found, '1 pass, 1 fail')
})

facts('a machine that never came up fails its login and makes nothing else pass', () => {
  const dark: Partial<BootSeen> = {
    secondsToLogin: null,
    problem: 'did not answer / Kernel panic',
    answers: {},
    rootLogin: null,
    loginMethods: null,
    openPorts: null,
    scanProblem: 'down',
  }
  const all = bootFacts([boot('a'), boot('b', { boot: dark })], wanted)
  const [login, ...others] = all
  assert.is(login?.status, 'fail')
  assert.match(login?.found ?? '', 'Kernel panic')
  for (const fact of others) assert.is(fact.status, 'unknown', fact.id)
})

facts('tells apart what each boot showed, when it differs', () => {
  const all = bootFacts([boot('a'), boot('b', { boot: { openPorts: [22, 8080] } })], wanted)
  const found = all.find(({ id }) => id === 'only-declared-ports')?.found
  assert.is(found, 'mm-a: open: 22 | mm-b: open: 22, 8080; not declared: 8080')
})

facts('what a cloud tells of its instances is as good as the worst of them', () => {
  const told = (status: 'pass' | 'fail') => ({
    cloud: [{ id: 'root-volume-encrypted', title: 'encrypted', status, expected: 'yes', found: status }],
  })
  const one = (...boots: readonly BootSeen[]) => {
    const fact = bootFacts(boots, wanted).find(({ id }) => id === 'root-volume-encrypted')
    return fact === undefined ? 'none' : `${fact.status}: ${fact.found}`
  }
  const good = boot('a', { boot: told('pass') })
  assert.is(one(good, boot('b', { boot: told('pass') })), 'pass: pass')
  assert.is(one(good, boot('b', { boot: told('fail') })), 'fail: mm-a: pass | mm-b: fail')
  assert.is(one(good, boot('b')), 'unknown: mm-a: pass | mm-b: it was not told')
  assert.is(one(boot('a'), boot('b')), 'none')
})

facts.run()
