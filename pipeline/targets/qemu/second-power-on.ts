import { MintmarkError } from '../../errors.ts'
import type { Instance, LaunchInput } from '../instance.ts'

/**
 * An emulated machine that is powered on a second time, cold, when its kernel stops before the first login: that is the emulator's fault more often than the
 * image's (the engine gives a build the same second machine). Its second end is told as any other; ports and link are those of
 * the machine that is on.
 */
export async function withSecondPowerOn(
  { world, instance }: Pick<LaunchInput, 'world' | 'instance'>,
  powerOn: () => Promise<Instance>,
): Promise<Instance> {
  let machine = await powerOn()
  let isFirst = true
  let isStopped = false
  return {
    get host() {
      return machine.host
    },
    get port() {
      return machine.port
    },
    get link() {
      return machine.link
    },
    get forwarded() {
      return machine.forwarded ?? new Map()
    },
    get ended() {
      return machine.ended
    },
    async waitForLogin(deadlineMs) {
      try {
        return await machine.waitForLogin(deadlineMs)
      } catch (cause) {
        const panicked = cause instanceof MintmarkError && cause.where['kernel'] === 'panic'
        if (!panicked || !isFirst || isStopped) throw cause
        isFirst = false
        world.report.warn(`${cause.message}; ${instance} is powered on once more, for it runs emulated`)
        await machine.stop()
        machine = await powerOn()
        // Whoever stopped it while it was off meant this one.
        if (isStopped) await machine.stop()
        return machine.waitForLogin(deadlineMs)
      }
    },
    ssh: (command, options) => machine.ssh(command, options),
    sshArgv: () => machine.sshArgv(),
    console: (lines) => machine.console(lines),
    async stop() {
      isStopped = true
      await machine.stop()
    },
  }
}
