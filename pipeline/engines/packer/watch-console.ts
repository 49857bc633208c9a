import { kernelPanic } from '../../core/console-lines.ts'
import type { World } from '../../ports/world.ts'

const everyMs = 3000

export interface ConsoleWatch {
  /** Why the machine will never answer again; null while it may. */
  panic(): string | null
  stop(): void
}

/** Reads a machine's console while it runs: Packer itself would wait for a login until its deadline. */
export function watchConsole(
  { files, clock }: Pick<World, 'files' | 'clock'>,
  path: string,
  onPanic: () => void,
): ConsoleWatch {
  let stopped = false
  let found: string | null = null
  const watch = async (): Promise<void> => {
    while (!stopped && found === null) {
      if ((await files.info(path)) !== null) found = kernelPanic(await files.readText(path))
      if (found !== null && !stopped) onPanic()
      else await clock.sleep(everyMs)
    }
  }
  // A console that can't be read is no reason to end a build.
  watch().catch(() => undefined)
  return {
    panic: () => found,
    stop: () => {
      stopped = true
    },
  }
}
