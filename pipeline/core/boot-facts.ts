import type { ImageTest } from '../model/definition.ts'
import type { CheckReport } from '../model/hardening.ts'
import type { Fact } from '../model/stages.ts'
import { type LinkWanted, linkRules, type PeerSeen } from './link-facts.ts'
import { judgeOwnTest, type OwnTestSeen, ownTestExpected, ownTestTitle } from './own-tests.ts'
import {
  type Answer,
  parseCheckReport,
  parseCloudInit,
  parseListening,
  parseOsRelease,
  parseRootSize,
} from './ssh-answers.ts'
import { fail, judgeAnswer, judged, listed, pass, short, unknown, type Verdict, worstOf } from './verdict.ts'

/** What one booted instance showed, from outside and by its own answers. */
export interface BootSeen {
  readonly instance: string
  /** Null: nobody could log in, and `problem` says what its console said last. */
  readonly secondsToLogin: number | null
  readonly problem: string
  readonly answers: Readonly<Record<string, Answer>>
  /** How an attempt to log in as root with the instance's key ended. */
  readonly rootLogin: { readonly code: number | null; readonly stderr: string } | null
  /** Ways to log in that the server offers. */
  readonly loginMethods: readonly string[] | null
  /** Ports that answered on the link; null, and `scanProblem`, when it could not be scanned. */
  readonly openPorts: readonly number[] | null
  readonly scanProblem: string
  /** Of the definition's own tests, in their order; shorter when the instance did not come up. */
  readonly ownTests: readonly OwnTestSeen[]
  /** What the peer on the link saw and was asked for; left out when the instance did not come up. */
  readonly peer?: PeerSeen
  /** What the cloud around it knows of it; left out where there is none, or it did not come up. */
  readonly cloud?: readonly Fact[]
}

export interface BootWanted {
  readonly user: string
  readonly image: string
  readonly version: string
  /** Declared TCP ports. */
  readonly ports: readonly number[]
  /** Size of the image's own disk; the instance's is bigger. */
  readonly imageBytes: number
  /** Controls whose failure the definition explains; whether it may is the gate's business. */
  readonly excepted: readonly string[]
  /** The definition's own tests. */
  readonly tests: readonly ImageTest[]
  readonly machine?: LinkWanted['machine']
  readonly peer?: boolean
}

interface Rule {
  readonly id: string
  readonly title: string
  readonly expected: string
  readonly judge: (boot: BootSeen) => Verdict
}

/** Judges an answer; one that is missing is unknown. */
function answered(boot: BootSeen, name: string, judge: (text: string, code: number) => Verdict): Verdict {
  return judgeAnswer(boot.answers, name, judge)
}

/** Sentence about control results, e.g. `118 pass, 1 fail (sshd-banner)`. */
export function controlsVerdict(report: CheckReport | null, excepted: readonly string[]): Verdict {
  if (report === null) return unknown('mintmark-check gave no report')
  if (report.results.length === 0) return unknown('mintmark-check looked at nothing')
  const count = (status: string): number => report.results.filter((result) => result.status === status).length
  const bad = report.results.filter(
    ({ control, status }) => (status === 'fail' || status === 'error') && !excepted.includes(control),
  )
  const counts = ['pass', 'fail', 'error', 'notapplicable']
    .filter((status) => count(status) > 0)
    .map((status) => `${count(status)} ${status}`)
  return judged(
    bad.length === 0,
    `${counts.join(', ')}${bad.length === 0 ? '' : `: ${short(bad.map(({ control }) => control).join(', '))}`}`,
  )
}

function portsVerdict(boot: BootSeen, wanted: BootWanted): Verdict {
  if (boot.openPorts === null) return unknown(boot.scanProblem)
  const open = boot.openPorts
  const extra = open.filter((port) => !wanted.ports.includes(port))
  if (extra.length > 0) return fail(`open: ${listed(open)}; not declared: ${listed(extra)}`)
  return answered(boot, 'listening', (text) => {
    const blocked = parseListening(text).filter((port) => wanted.ports.includes(port) && !open.includes(port))
    return blocked.length === 0
      ? pass(`open: ${listed(open)}`)
      : fail(`open: ${listed(open)}; declared and listening, but not reached: ${listed(blocked)}`)
  })
}

function rootSizeVerdict(text: string, wanted: BootWanted): Verdict {
  const size = parseRootSize(text)
  if (size === null) return unknown(short(text))
  const { partitionBytes, fileSystemBytes, endBytes, diskBytes } = size
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  const little = 64 * 2 ** 20
  const grown =
    diskBytes > wanted.imageBytes &&
    diskBytes - endBytes < little &&
    partitionBytes - fileSystemBytes < little
  return judged(
    grown,
    `file system ${mib(fileSystemBytes)} in a partition of ${mib(partitionBytes)}, which ends at ${mib(endBytes)} of ${mib(diskBytes)}`,
  )
}

function rulesFor(wanted: BootWanted): readonly Rule[] {
  const { user } = wanted
  return [
    {
      id: 'root-login-refused',
      title: 'root cannot log in by SSH',
      expected: "root with the instance's own key is refused",
      judge: ({ rootLogin }) => {
        if (rootLogin === null) return unknown('it was not tried')
        if (rootLogin.code === 255) {
          return /Permission denied/.test(rootLogin.stderr)
            ? pass('refused')
            : unknown(short(rootLogin.stderr))
        }
        return fail(`the server took the key (exit code ${rootLogin.code})`)
      },
    },
    {
      id: 'password-login-refused',
      title: 'nobody can log in with a password',
      expected: 'the server offers publickey only',
      judge: ({ loginMethods: methods }) =>
        methods === null
          ? unknown('the server did not say what it offers')
          : judged(methods.length === 1 && methods[0] === 'publickey', listed(methods)),
    },
    {
      id: 'only-declared-ports',
      title: 'only the declared ports answer',
      expected: `no TCP port but ${listed(wanted.ports)}`,
      judge: (boot) => portsVerdict(boot, wanted),
    },
    {
      id: 'controls-hold',
      title: 'the controls hold in the running instance',
      expected: 'no control fails',
      judge: (boot) =>
        answered(boot, 'check', (text) => controlsVerdict(parseCheckReport(text), wanted.excepted)),
    },
    {
      id: 'no-failed-units',
      title: 'all services came up',
      expected: 'no failed unit of systemd',
      judge: (boot) =>
        answered(boot, 'failed-units', (text, code) =>
          code === 0 ? judged(text === '', text === '' ? 'none' : short(text)) : unknown(short(text)),
        ),
    },
    {
      id: 'cloud-init-done',
      title: 'cloud-init has done its work',
      expected: 'done, without errors',
      judge: (boot) =>
        answered(boot, 'cloud-result', (result) => {
          const cloud = parseCloudInit(result, boot.answers['cloud-status']?.text ?? '')
          if (cloud === null) return fail(`not done: ${short(result)}`)
          return judged(
            cloud.errors.length === 0,
            cloud.errors.length === 0 ? 'done' : short(cloud.errors.join('; ')),
          )
        }),
    },
    {
      id: 'root-grown',
      title: 'the root file system grows to the disk',
      expected: 'it fills a disk that is bigger than the image',
      judge: (boot) => answered(boot, 'root-size', (text) => rootSizeVerdict(text, wanted)),
    },
    {
      id: 'sudo-works',
      title: `${user} can become root, and has no password to guess`,
      expected: 'sudo without a password, which is locked',
      judge: (boot) =>
        answered(boot, 'sudo', (uid) => {
          if (uid !== '0') return fail(`sudo says: ${short(uid)}`)
          return answered(boot, 'password', (first, code) => {
            if (code !== 0) return unknown(short(first))
            return judged(
              /^[!*]$/.test(first),
              /^[!*]$/.test(first) ? 'sudo works, password locked' : 'a password is set',
            )
          })
        }),
    },
    {
      id: 'os-identity',
      title: 'the instance says which image it came from',
      expected: `IMAGE_ID=${wanted.image} IMAGE_VERSION=${wanted.version}`,
      judge: (boot) =>
        answered(boot, 'os-release', (text) => {
          const os = parseOsRelease(text)
          const { IMAGE_ID: id, IMAGE_VERSION: version } = os
          return judged(
            id === wanted.image && version === wanted.version,
            `IMAGE_ID=${id ?? ''} IMAGE_VERSION=${version ?? ''}`,
          )
        }),
    },
  ]
}

/** One fact of several boots: as good as the worst of them; what each showed is told apart when it differs. */
function merged(boots: readonly BootSeen[], rule: Rule): Fact {
  const verdicts = boots.map((boot): Verdict => {
    if (boot.secondsToLogin === null && rule.id !== 'ssh-login') return unknown('nobody could log in')
    return rule.judge(boot)
  })
  const texts = [...new Set(verdicts.map(({ found }) => found))]
  const found =
    texts.length === 1
      ? (texts[0] ?? '')
      : verdicts.map((verdict, at) => `${boots[at]?.instance}: ${verdict.found}`).join(' | ')
  const { id, title, expected } = rule
  return { id, title, status: worstOf(verdicts).status, expected, found }
}

/** Fact that no two boots give the same answer. */
function differing(
  boots: readonly BootSeen[],
  rule: { readonly id: string; readonly title: string; readonly answer: string; readonly wellFormed: RegExp },
): Fact {
  const base = { id: rule.id, title: rule.title, expected: 'each instance has its own' }
  const values = boots.map((boot) => boot.answers[rule.answer]?.text)
  if (values.some((value) => value === undefined)) {
    return { ...base, status: 'unknown', found: 'not every instance answered' }
  }
  const lines = values.flatMap((value) => (value ?? '').split('\n').map((line) => line.trim()))
  const odd = lines.find((line) => !rule.wellFormed.test(line))
  if (odd !== undefined) return { ...base, status: 'fail', found: `malformed: ${short(odd)}` }
  // Without the comment at the end, which is the host's name.
  const keys = lines.map((line) => line.split(' ').slice(0, 2).join(' '))
  const good = new Set(keys).size === keys.length
  return {
    ...base,
    status: good ? 'pass' : 'fail',
    found: good ? `${keys.length} different ones` : 'the same twice',
  }
}

const ownTestRules = (tests: readonly ImageTest[]): readonly Rule[] =>
  tests.map((test, at) => ({
    id: `test-${at + 1}`,
    title: ownTestTitle(test),
    expected: ownTestExpected(test),
    judge: (boot) => judgeOwnTest(test, boot.ownTests[at]),
  }))

/** One rule for each fact that a cloud told of an instance. */
function cloudRules(boots: readonly BootSeen[]): readonly Rule[] {
  const told = boots.flatMap(({ cloud = [] }) => cloud)
  return told
    .filter(({ id }, at) => told.findIndex((fact) => fact.id === id) === at)
    .map(({ id, title, expected }) => ({
      id,
      title,
      expected,
      judge: ({ cloud = [] }) => cloud.find((fact) => fact.id === id) ?? unknown('it was not told'),
    }))
}

/** All facts that booted instances show; pure. */
export function bootFacts(boots: readonly BootSeen[], wanted: BootWanted): readonly Fact[] {
  const login: Rule = {
    id: 'ssh-login',
    title: `${wanted.user} can log in by SSH with a key of the instance`,
    expected: 'a login on the first boot',
    judge: (boot) =>
      boot.secondsToLogin === null
        ? fail(short(boot.problem))
        : answered(boot, 'user', (text) => judged(text === wanted.user, `as ${short(text)}`)),
  }
  return [
    ...[
      login,
      ...rulesFor(wanted),
      ...linkRules(wanted),
      ...cloudRules(boots),
      ...ownTestRules(wanted.tests),
    ].map((rule) => merged(boots, rule)),
    differing(boots, {
      id: 'host-keys-differ',
      title: 'every instance makes its own SSH host keys',
      answer: 'host-keys',
      wellFormed: /^(?:ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+/,
    }),
    differing(boots, {
      id: 'machine-id-differs',
      title: 'every instance makes its own machine-id',
      answer: 'machine-id',
      wellFormed: /^[0-9a-f]{32}$/,
    }),
    differing(boots, {
      id: 'instance-id-differs',
      title: 'cloud-init knows every instance as a new one',
      answer: 'instance-id',
      wellFormed: /^[A-Za-z0-9._-]+$/,
    }),
  ]
}
