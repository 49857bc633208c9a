import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MintmarkError } from '../errors.ts'

/** Runs work while this process alone holds the lock of that path. @throws MintmarkError BUSY after `waitMs` */
export type WithLock = <T>(path: string, waitMs: number, work: () => Promise<T>) => Promise<T>

/**
 * The kernel's own lock on the file: util-linux's flock holds it for as long as its `cat` has our pipe, so it is free
 * the moment we die. There is no stale lock to judge, on this machine or over NFS.
 */
export const withLock: WithLock = async (path, waitMs, work) => {
  await mkdir(dirname(path), { recursive: true })
  const holder = spawn('flock', ['--exclusive', path, 'cat'], {
    // A Ctrl-C in the terminal is for us; the lock has to outlive it until our write is done.
    detached: true,
    stdio: 'pipe',
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
  })
  let stderr = ''
  holder.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  // A holder that has gone makes the pipe fail; its exit, watched below, says why.
  holder.stdin.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()))
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new MintmarkError('BUSY', `another run has held ${path} for ${waitMs / 1000} s`)),
        waitMs,
      )
      const settle = (finish: () => void): void => {
        clearTimeout(timer)
        finish()
      }
      const failed = (code: number | null): MintmarkError =>
        new MintmarkError('TOOL_FAILED', `flock ${path} ended with exit code ${code}`, {
          details: stderr.trim().split('\n'),
        })
      holder.once('error', (cause) =>
        settle(() =>
          reject(new MintmarkError('TOOL_MISSING', 'flock (util-linux) is not on this machine', { cause })),
        ),
      )
      holder.once('exit', (code) => settle(() => reject(failed(code))))
      // `cat` starts, and so answers, only once the lock is ours.
      holder.stdout.once('data', () => settle(resolve))
      holder.stdin.write('\n')
    })
    return await work()
  } catch (cause) {
    if (holder.exitCode === null) holder.kill('SIGKILL')
    throw cause
  } finally {
    holder.stdin.end()
    await ended
  }
}
