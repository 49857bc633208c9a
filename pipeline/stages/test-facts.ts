import { join } from 'node:path'
import type { BootSeen } from '../core/boot-facts.ts'
import { askedPorts } from '../core/own-tests.ts'
import { lookScript, parseAnswers, parseLoginMethods } from '../core/ssh-answers.ts'
import { MintmarkError } from '../errors.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import type { Instance, Target } from '../targets/target.ts'
import { instanceKey } from './instance-key.ts'
import { runOwnTests } from './own-tests.ts'

/** An emulated guest on a quiet machine needs 40 s, on a very busy one ten times that. */
const loginDeadlineMs = 480_000
const lookTimeoutMs = 300_000
const scanTimeoutMs = 180_000
const allPorts: readonly number[] = Array.from({ length: 65_535 }, (_, at) => at + 1)

export interface BootInput {
  readonly world: World
  readonly target: Pick<Target, 'launch' | 'loginUser'>
  readonly definition: Definition
  /** The artifact; never written to. */
  readonly disk: string
  readonly instance: string
  /** Private folder of this instance; removed when it has been looked at. */
  readonly folder: string
  /** Where its console log stays. */
  readonly consoleLog: string
  readonly diskGiB: number
  readonly onLogin: (seconds: number) => void
}

/**
 * Boots one new instance and looks at it from outside and from inside. A machine that does not come up is an
 * answer, not an error.
 * @throws MintmarkError when a tool is broken or missing, or on Ctrl-C
 */
export async function lookAtBoot(input: BootInput): Promise<BootSeen> {
  const { world, target, definition, instance, folder } = input
  await world.files.remove(folder)
  await world.files.makeFolder(folder, { mode: 0o700 })
  const login = await instanceKey(world, folder, target.loginUser(definition))
  const machine = await target.launch({
    world,
    disk: input.disk,
    definition,
    instance,
    login,
    folder,
    diskGiB: input.diskGiB,
    link: true,
    forward: askedPorts(definition.test),
  })
  try {
    return await seen(input, machine)
  } finally {
    await machine.stop()
    const console = join(folder, 'console.log')
    if ((await world.files.info(console)) !== null) await world.files.copy(console, input.consoleLog)
    await world.files.remove(folder)
  }
}

async function seen(input: BootInput, machine: Instance): Promise<BootSeen> {
  const { instance } = input
  const dark: BootSeen = {
    instance,
    secondsToLogin: null,
    problem: '',
    answers: {},
    rootLogin: null,
    loginMethods: null,
    openPorts: null,
    scanProblem: 'the instance did not come up',
    ownTests: [],
  }
  let secondsToLogin: number
  try {
    secondsToLogin = await machine.waitForLogin(loginDeadlineMs)
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code !== 'TOOL_FAILED') throw cause
    return { ...dark, problem: [cause.message, ...cause.lines.slice(-4)].join(' / ') }
  }
  input.onLogin(secondsToLogin)
  const { stdout } = await machine.ssh(lookScript, { timeoutMs: lookTimeoutMs })
  return {
    instance,
    secondsToLogin,
    problem: '',
    answers: parseAnswers(stdout),
    // Before the doors are tried: a refusal costs our address a penalty.
    ownTests: await runOwnTests(input.world, machine, input.definition.test),
    ...(await knock(input.world, machine)),
    ...(await scanned(machine)),
  }
}

/** Tries the doors that should be shut. After the look: each refusal costs the address a penalty of sshd's. */
async function knock(world: World, machine: Instance): Promise<Pick<BootSeen, 'rootLogin' | 'loginMethods'>> {
  const [ssh = 'ssh', ...rest] = machine.sshArgv()
  // The first value given wins; the shared connection would let us in whatever we ask.
  const attempt = (...options: readonly string[]) =>
    world.exec.run([ssh, '-o', 'ControlPath=none', ...options, ...rest, 'true'], {
      ok: 'any',
      timeoutMs: 60_000,
    })
  const root = await attempt('-o', 'User=root')
  const methods = await attempt('-o', 'PreferredAuthentications=none')
  return {
    rootLogin: { code: root.code, stderr: root.stderr },
    loginMethods: parseLoginMethods(methods.stderr),
  }
}

async function scanned({ link }: Instance): Promise<Pick<BootSeen, 'openPorts' | 'scanProblem'>> {
  if (link === null) return { openPorts: null, scanProblem: 'the instance has no private link' }
  if (!(await link.reachable(20_000))) {
    return { openPorts: null, scanProblem: 'the instance did not answer on the private link' }
  }
  try {
    return { openPorts: await link.openTcpPorts(allPorts, { timeoutMs: scanTimeoutMs }), scanProblem: '' }
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code !== 'TOOL_FAILED') throw cause
    return { openPorts: null, scanProblem: cause.message }
  }
}
