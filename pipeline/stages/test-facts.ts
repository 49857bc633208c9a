import type { BootSeen } from '../core/boot-facts.ts'
import type { FullSeen, ScenariosSeen, UpgradeSeen } from '../core/scenario-facts.ts'
import { lookScript, parseAnswers, parseListening, parseLoginMethods } from '../core/ssh-answers.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import type { Instance } from '../targets/instance.ts'
import { runOwnTests } from './own-tests.ts'
import { askPeer } from './test-peer.ts'
import {
  awaitLogin,
  freshLogin,
  type InstanceInput,
  newInstance,
  on,
  powerOff,
  removeInstance,
} from './test-power.ts'
import { fillDisk, rebootLater, rebootUpgraded, upgrade, upgradeSources } from './test-scenarios.ts'

/** An emulated guest on a quiet machine needs 40 s, on a very busy one ten times that. */
const loginDeadlineMs = 480_000
const lookTimeoutMs = 300_000
const scanTimeoutMs = 180_000
const allPorts: readonly number[] = Array.from({ length: 65_535 }, (_, at) => at + 1)

export interface BootInput extends InstanceInput {
  /** What the instance goes through after it was looked at. */
  readonly scenario: 'upgrade' | 'later' | null
  readonly onLogin: (seconds: number) => void
  /** Milliseconds from power-on to a login; eight minutes when left out. */
  readonly deadlineMs?: number
}

/** A new instance, and what was seen of it when it had gone through more. */
export interface LifeSeen extends ScenariosSeen {
  readonly boot: BootSeen
}

/**
 * Boots one new instance and looks at it from outside and from inside, then at what it goes through. A machine that does
 * not come up is an answer, not an error.
 * @throws MintmarkError when a tool is broken or missing, or on Ctrl-C
 */
export async function lookAtBoot(input: BootInput): Promise<LifeSeen> {
  const powered = await newInstance(input)
  try {
    const goesOn = input.scenario !== null
    const { off, upgraded, full, ...boot } = await on(powered, { link: true, goesOn }, '', (machine) =>
      seen(input, machine),
    )
    const none = { boot, upgraded: null, later: null }
    if (boot.secondsToLogin === null || input.scenario === null) return none
    if (input.scenario === 'upgrade') {
      const reboot = await rebootUpgraded(powered, off, boot.secondsToLogin)
      return { ...none, upgraded: { answers: upgraded, reboot } }
    }
    const ageing = boot.answers['ageing']?.text ?? ''
    return { ...none, later: { full, ...(await rebootLater(powered, ageing, off, boot.secondsToLogin)) } }
  } finally {
    await removeInstance(powered)
  }
}

interface RunningSeen extends BootSeen {
  readonly off: boolean
  readonly upgraded: UpgradeSeen['answers']
  readonly full: readonly FullSeen[]
}

async function seen(input: BootInput, machine: Instance): Promise<RunningSeen> {
  const { world, instance, definition } = input
  const dark: RunningSeen = {
    instance,
    secondsToLogin: null,
    problem: '',
    answers: {},
    rootLogin: null,
    loginMethods: null,
    openPorts: null,
    scanProblem: 'the instance did not come up',
    ownTests: [],
    off: false,
    upgraded: {},
    full: [],
  }
  const login = await awaitLogin(machine, input.deadlineMs ?? loginDeadlineMs)
  if ('problem' in login) return { ...dark, problem: login.problem }
  input.onLogin(login.seconds)
  const { stdout } = await machine.ssh(`${lookScript}${machine.cloud?.questions ?? ''}`, {
    timeoutMs: lookTimeoutMs,
  })
  const answers = parseAnswers(stdout)
  return {
    instance,
    secondsToLogin: login.seconds,
    problem: '',
    answers,
    ...(machine.cloud === undefined ? {} : { cloud: await machine.cloud.facts(answers) }),
    ownTests: await runOwnTests(world, machine, definition.test),
    ...(await scanned(machine, answers)),
    peer: await askPeer(machine, answers),
    upgraded:
      input.scenario === 'upgrade'
        ? await upgrade(machine, upgradeSources(await input.target.guestMirrors(world), definition))
        : {},
    full: input.scenario === 'later' ? await fillDisk(world, machine) : [],
    // Last: each refusal costs our address a penalty, and something may ban it for that.
    ...(await knock(world, machine)),
    off: input.scenario === null ? false : await powerOff(world, machine),
  }
}

/** Tries the doors that should be shut. */
async function knock(world: World, machine: Instance): Promise<Pick<BootSeen, 'rootLogin' | 'loginMethods'>> {
  const root = await freshLogin(world, machine, 'true', ['-o', 'User=root'])
  const methods = await freshLogin(world, machine, 'true', ['-o', 'PreferredAuthentications=none'])
  return {
    rootLogin: { code: root.code, stderr: root.stderr },
    loginMethods: parseLoginMethods(methods.stderr),
  }
}

async function scanned(
  { link, scan }: Instance,
  { listening }: BootSeen['answers'],
): Promise<Pick<BootSeen, 'openPorts' | 'scanProblem'>> {
  const asks = link ?? scan ?? null
  if (asks === null) return { openPorts: null, scanProblem: 'the instance has no private link' }
  if (link !== null && !(await link.reachable(20_000))) {
    return { openPorts: null, scanProblem: 'the instance did not answer on the private link' }
  }
  try {
    const options = {
      timeoutMs: scanTimeoutMs,
      ...(listening?.code === 0 ? { listening: parseListening(listening.text) } : {}),
    }
    return { openPorts: await asks.openTcpPorts(allPorts, options), scanProblem: '' }
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code !== 'TOOL_FAILED') throw cause
    return { openPorts: null, scanProblem: cause.message }
  }
}
