import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type AgainSeen,
  type LaterSeen,
  type ScenariosSeen,
  scenarioFacts,
  type UpgradeSeen,
} from '../../pipeline/core/scenario-facts.ts'
import type { Answer } from '../../pipeline/core/ssh-answers.ts'

const scenarios = suite('scenario facts')

type Texts = Readonly<Record<string, string | Answer | undefined>>

const answers = (texts: Texts): Readonly<Record<string, Answer>> =>
  Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, typeof text === 'string' ? { text, code: 0 } : text] as const],
    ),
  )

const clock = new Date('2028-02-01T03:00:00Z')
const good: Texts = {
  clock: String(clock.getTime() / 1000 + 40),
  user: 'debian',
  sudo: '',
  root: '0',
  state: 'running',
  'failed-units': '',
}
const again = (change: Texts = {}, seen: Partial<AgainSeen> = {}): AgainSeen => ({
  secondsToLogin: 20,
  problem: '',
  answers: answers({ ...good, ...change }),
  ...seen,
})
const dark = again({}, { secondsToLogin: null, problem: 'did not answer / Kernel panic', answers: {} })

const full = (mounts: string, change: Texts = {}, problem = ''): LaterSeen['full'][number] => ({
  filled: answers({ full: mounts }),
  login: { problem, answers: problem === '' ? answers({ ...good, ...change }) : {} },
})

const upgraded: UpgradeSeen = {
  answers: answers({
    lists: 'Reading package lists...',
    upgrade: 'Reading...\n2 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nSetting up x',
    reinstall: 'not needed',
    packages: '',
  }),
  reboot: again(),
}
const later: LaterSeen = {
  clock,
  days: 430,
  limitsKnown: true,
  full: [full('/var/log/audit 0'), full('/var/log 4096\n/ 0')],
  again: again(),
  today: null,
}
const seen: ScenariosSeen = { upgraded, later }

/** Facts that are not `pass`, with what was found. */
const bad = (change: Partial<ScenariosSeen>): readonly string[] =>
  scenarioFacts({ ...seen, ...change }, { user: 'debian' })
    .filter(({ status }) => status !== 'pass')
    .map(({ id, status, found }) => `${id} ${status}: ${found}`)

const found = (id: string): string | undefined =>
  scenarioFacts(seen, { user: 'debian' }).find((fact) => fact.id === id)?.found

scenarios('good ones have nothing but passes, and say what was seen', () => {
  assert.equal(bad({}), [])
  assert.is(found('upgrade-works'), '2 upgraded, 0 newly installed, 0 to remove and 0 not upgraded')
  assert.is(found('later-clock'), '2028-02-01')
  assert.is(
    found('full-login'),
    '/var/log/audit full: login and sudo work; /var/log, / full: login and sudo work',
  )
})

scenarios('what never came to it is unknown', () => {
  const facts = scenarioFacts({ upgraded: null, later: null }, { user: 'debian' })
  assert.is(facts.length, 7)
  for (const { id, status } of facts) assert.is(status, 'unknown', id)
})

const ofUpgrade = (change: Texts): Partial<ScenariosSeen> => ({
  upgraded: { ...upgraded, answers: { ...upgraded.answers, ...answers(change) } },
})
const ofLater = (change: Partial<LaterSeen>): Partial<ScenariosSeen> => ({ later: { ...later, ...change } })

const cases: readonly (readonly [string, Partial<ScenariosSeen>, readonly RegExp[]])[] = [
  [
    'the clock was moved in the running machine, and nobody is let in',
    ofLater({
      moved: true,
      today: again(),
      again: again({}, { secondsToLogin: null, problem: 'Your account has expired', answers: {} }),
    }),
    [
      /^later-clock unknown: nobody could log in to look$/,
      /^later-login fail: nobody could log in: Your account has expired$/,
      /^later-root fail: nobody could log in/,
    ],
  ],
  [
    'no mirror can be reached',
    ofUpgrade({ lists: { text: 'Err:1 the mirror\nE: Failed to fetch the mirror/x', code: 100 } }),
    [/^upgrade-works unknown: the package lists could not be read \(.*\): E: Failed to fetch the mirror\/x$/],
  ],
  [
    'the mirror goes while it upgrades',
    ofUpgrade({ upgrade: { text: 'E: Unable to fetch some archives', code: 100 } }),
    [/^upgrade-works unknown: E: Unable to fetch/],
  ],
  [
    'a package does not install',
    ofUpgrade({
      upgrade: { text: 'dpkg: error\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n', code: 100 },
    }),
    [/^upgrade-works fail: E: Sub-process/],
  ],
  [
    'the SSH server can not be reinstalled',
    ofUpgrade({ reinstall: { text: 'noexec', code: 1 } }),
    [/^upgrade-works fail: noexec$/],
  ],
  [
    'a package stays half configured',
    ofUpgrade({ packages: 'openssh-server half' }),
    [/^upgrade-works fail: packages are broken: openssh-server half$/],
  ],
  [
    'the upgrade was cut off',
    { upgraded: { ...upgraded, answers: answers({ lists: '' }) } },
    [/^upgrade-works unknown: it did not answer$/],
  ],
  [
    'it does not come up after the upgrade',
    { upgraded: { ...upgraded, reboot: dark } },
    [/^reboot-login fail: nobody could log in: did not answer \/ Kernel panic$/],
  ],
  [
    'a unit fails after the upgrade',
    { upgraded: { ...upgraded, reboot: again({ 'failed-units': 'ssh.service failed' }) } },
    [/^reboot-login fail: failed: ssh.service failed$/],
  ],
  [
    'the units could not be asked for',
    { upgraded: { ...upgraded, reboot: again({ 'failed-units': { text: 'no bus', code: 1 } }) } },
    [/^reboot-login unknown: no bus$/],
  ],
  [
    'the key is refused later',
    ofLater({ again: dark, today: again() }),
    [
      /^later-clock unknown/,
      /^later-login fail: nobody could log in/,
      /^later-root fail: nobody could log in/,
    ],
  ],
  [
    'it does not come up with a full disk, on any day',
    ofLater({ again: dark, today: dark }),
    [
      /^later-clock unknown/,
      /^later-login unknown: the machine with the full disk was not well today either$/,
      /^later-root unknown/,
      /^full-reboot-login fail: nobody could log in/,
    ],
  ],
  [
    'the clock went back to today',
    ofLater({ again: again({ clock: String(Date.parse('2026-11-22T00:00:00Z') / 1000) }) }),
    [
      /^later-clock fail: 2026-11-22$/,
      /^later-login unknown: the clock was not past the limits: 2026/,
      /^later-root unknown/,
    ],
  ],
  [
    'the limits are not known',
    ofLater({ limitsKnown: false }),
    [
      /^later-clock unknown: the limits on passwords could not be read$/,
      /^later-login unknown/,
      /^later-root unknown/,
    ],
  ],
  [
    'the clock did not answer',
    ofLater({ again: again({ clock: 'no date' }) }),
    [/^later-clock unknown: no date$/, /^later-login unknown/, /^later-root unknown/],
  ],
  [
    'sudo wants a new password later',
    ofLater({
      again: again({ sudo: { text: 'sudo: Account or password is expired', code: 1 } }),
      today: again(),
    }),
    [/^later-root fail: sudo says: sudo: Account or password is expired$/],
  ],
  [
    'root is another',
    ofLater({ again: again({ root: '1000' }), today: again() }),
    [/^later-root fail: 1000$/],
  ],
  [
    'another user answers',
    ofLater({ again: again({ user: 'nobody' }), today: again() }),
    [/^later-login fail: as nobody$/],
  ],
  [
    'the machine halts when the audit has no space',
    ofLater({ full: [full('/var/log/audit 0', {}, 'Connection refused')] }),
    [/^full-login fail: \/var\/log\/audit full: Connection refused$/],
  ],
  [
    'it is about to halt',
    ofLater({ full: [full('/ 0', { state: 'stopping' })] }),
    [/^full-login fail: \/ full: it is shutting itself down$/],
  ],
  [
    'sudo fails without space',
    ofLater({ full: [full('/ 0'), full('/var 0', { sudo: { text: 'no space', code: 1 } })] }),
    [/^full-login fail: \/var full: sudo says: no space$/],
  ],
  [
    'there was still space',
    ofLater({ full: [full('/ 4194304')] }),
    [/^full-login unknown: it could not be filled: \/ 4194304$/, /^full-reboot-login unknown: it could not/],
  ],
  [
    'nothing was filled',
    ofLater({ full: [full('')] }),
    [/^full-login unknown: it could not be filled: nothing$/, /^full-reboot-login unknown: it could not/],
  ],
  [
    'it comes up and goes down',
    ofLater({ again: again({ state: 'stopping' }), today: again({ state: 'stopping' }) }),
    [/^later-login unknown/, /^later-root unknown/, /^full-reboot-login fail: it is shutting itself down$/],
  ],
  [
    'the full machine answers nothing',
    ofLater({ again: again({ root: undefined }), today: again({ root: undefined }) }),
    [/^later-login unknown/, /^later-root unknown/, /^full-reboot-login unknown: it did not answer$/],
  ],
  ['the disk was not filled', ofLater({ full: [] }), [/^full-login unknown/, /^full-reboot-login unknown/]],
]

for (const [name, change, expected] of cases) {
  scenarios(name, () => {
    const lines = bad(change)
    assert.is(lines.length, expected.length, lines.join('\n'))
    expected.forEach((pattern, at) => void assert.match(lines[at] ?? '', pattern))
  })
}

scenarios.run()
