import { dayMs } from '../core/days.ts'
import { daysPastAgeing } from '../core/password-ageing.ts'
import {
  type AgainSeen,
  type FullSeen,
  type LaterSeen,
  type UpgradeSeen,
  worksAgain,
} from '../core/scenario-facts.ts'
import {
  briefLoginScript,
  clockScript,
  type FillStep,
  fillScript,
  loginScript,
  refusedSudo,
  type UpgradeSources,
  upgradeScript,
  withoutMirrors,
} from '../core/scenario-scripts.ts'
import { type Answer, parseAnswers } from '../core/ssh-answers.ts'
import { systemOf } from '../core/systems.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import type { Instance, LaunchInput } from '../targets/instance.ts'
import type { GuestMirrors } from '../targets/target.ts'
import { awaitLogin, freshLogin, on, type Powered } from './test-power.ts'

const fillTimeoutMs = 180_000
const upgradeTimeoutMs = 900_000
const lookTimeoutMs = 240_000
/** A machine that goes on has less to do than a new one; it gets twice as long, and never less than this. */
const leastLoginMs = 120_000

const notTried = (problem: string): AgainSeen => ({ secondsToLogin: null, problem, answers: {} })
const noPowerOff = 'the machine did not power off when it was asked to'

/** How the image's own sources read on this machine. Debian's addresses are those of its images and its installers. */
export function upgradeSources(mirrors: GuestMirrors, { content, os }: Definition): UpgradeSources {
  const security = [
    'deb.debian.org/debian-security',
    'security.debian.org/debian-security',
    'security.debian.org',
  ]
  const pairs = (places: readonly string[], to: string) =>
    places.flatMap((place) => [`http://${place}`, `https://${place}`].map((from) => [from, to] as const))
  return {
    addresses: [
      ...pairs(security, mirrors.security),
      ...pairs(['deb.debian.org/debian'], mirrors.archive),
      ['mirror+file:///etc/apt/mirrors/debian-security.list', mirrors.security],
      ['mirror+file:///etc/apt/mirrors/debian.list', mirrors.archive],
      ...content.repos.map(({ name, url }) => [url, mirrors.repos.get(name) ?? url] as const),
    ],
    proxy: mirrors.proxy,
    manager: systemOf(os)?.manager ?? 'apt',
  }
}

/** Upgrades the running machine from the mirrors. What it says names none of them. */
export async function upgrade(machine: Instance, sources: UpgradeSources): Promise<UpgradeSeen['answers']> {
  const { stdout } = await machine.ssh('sudo -n sh -s', {
    input: upgradeScript(sources),
    timeoutMs: upgradeTimeoutMs,
  })
  const clean = ([name, { text, code }]: readonly [string, Answer]) =>
    [name, { text: withoutMirrors(text, sources), code }] as const
  return Object.fromEntries(Object.entries(parseAnswers(stdout)).map(clean))
}

async function again(
  powered: Powered,
  how: Pick<LaunchInput, 'again' | 'clock' | 'cutOff'>,
  word: string,
  firstSeconds: number,
  andThen: (machine: Instance) => Promise<void> = async () => undefined,
): Promise<AgainSeen> {
  return on(powered, { ...how, link: false }, word, async (machine) => {
    const login = await awaitLogin(machine, Math.max(leastLoginMs, firstSeconds * 2000))
    if ('problem' in login) return notTried(login.problem)
    const { stdout } = await machine.ssh(loginScript, { timeoutMs: lookTimeoutMs })
    await andThen(machine)
    return { secondsToLogin: login.seconds, problem: '', answers: parseAnswers(stdout) }
  })
}

/** Powers the upgraded instance on again. @param off whether it had powered off */
export async function rebootUpgraded(
  powered: Powered,
  off: boolean,
  firstSeconds: number,
): Promise<AgainSeen> {
  return off ? again(powered, { again: 'keeps' }, 'upgraded', firstSeconds) : notTried(noPowerOff)
}

async function fill(world: World, machine: Instance, step: FillStep): Promise<FullSeen> {
  const filled = await machine.ssh('sudo -n sh -s', { input: fillScript(step), timeoutMs: fillTimeoutMs })
  await machine.ssh(refusedSudo)
  const { code, stdout, stderr } = await freshLogin(world, machine, briefLoginScript)
  const answers = parseAnswers(stdout)
  const said = stderr.trim() === '' ? `the login ended with ${code ?? 'a signal'}` : stderr
  return {
    filled: parseAnswers(filled.stdout),
    login: { problem: 'user' in answers ? '' : said, answers },
  }
}

/** Fills the file system that the audit writes to, then all that the system writes to, with a new login after each. */
export async function fillDisk(world: World, machine: Instance): Promise<readonly FullSeen[]> {
  const audit = await fill(world, machine, 'audit')
  // Where all is one file system it is full now.
  const all = /^\/ /m.test(audit.filled['full']?.text ?? '')
  return all ? [audit] : [audit, await fill(world, machine, 'system')]
}

/** A login of its own after the clock of the running machine was moved; nobody's clock corrects it any more. */
async function loginAt(world: World, machine: Instance, clock: Date): Promise<AgainSeen> {
  const began = world.clock.now().getTime()
  const moved = await machine.ssh('sudo -n sh -s', { input: clockScript(clock), timeoutMs: lookTimeoutMs })
  const set = parseAnswers(moved.stdout)['clock-set']
  if (set?.code !== 0) return notTried(`the clock could not be moved: ${set?.text ?? moved.stderr}`)
  const { code, stdout, stderr } = await freshLogin(world, machine, loginScript)
  const answers = parseAnswers(stdout)
  if (!('user' in answers))
    return notTried(stderr.trim() === '' ? `the login ended with ${code ?? 'a signal'}` : stderr)
  return { secondsToLogin: (world.clock.now().getTime() - began) / 1000, problem: '', answers }
}

/** Powers the instance with the full disk on today, and then moves the clock of the running machine to that day. */
async function laterInPlace(powered: Powered, clock: Date, firstSeconds: number) {
  let later = notTried('the machine with the full disk let nobody in today, so that its clock was not moved')
  const today = await again(powered, { again: 'keeps' }, 'full', firstSeconds, async (machine) => {
    later = await loginAt(powered.input.world, machine, clock)
  })
  return { again: later, today, moved: true }
}

/**
 * Powers the instance with the full disk on with its clock past every limit on passwords, where no time server can correct it.
 * One machine for both, for both are to do no harm; where one does, another machine of today tells which. Where the target's machines
 * have no clock to set, it is moved in the running machine.
 * @param ageing what the instance told about the age of passwords
 * @param off whether it had powered off
 */
export async function rebootLater(
  powered: Powered,
  ageing: string,
  off: boolean,
  firstSeconds: number,
): Promise<Omit<LaterSeen, 'full'>> {
  const now = powered.input.world.clock.now()
  const days = daysPastAgeing(ageing, now)
  const clock = new Date(now.getTime() + days * dayMs)
  const limitsKnown = /^shadow:/m.test(ageing)
  if (!off) return { clock, days, limitsKnown, again: notTried(noPowerOff), today: null }
  if (!powered.input.target.capabilities.clock)
    return { clock, days, limitsKnown, ...(await laterInPlace(powered, clock, firstSeconds)) }
  // What keeps the time would keep the later day on the disk, and shut the machine of today too.
  const seen = await again(powered, { again: 'forgets', clock, cutOff: true }, 'later', firstSeconds)
  const { user } = powered.login
  return {
    clock,
    days,
    limitsKnown,
    again: seen,
    today: worksAgain(seen, { user }) ? null : await again(powered, { again: 'keeps' }, 'full', firstSeconds),
  }
}
