import { spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MintmarkError } from '../errors.ts'
import { explained } from './file-errors.ts'

/** What the holder is, for those who are refused. */
export type SayHolder = (what: string) => Promise<void>

/**
 * Runs work while this process alone holds the lock of that path. Who waits in vain is told the holder's process, and what it said of itself.
 * @throws MintmarkError BUSY after `waitMs`, INTERRUPTED when the wait is stopped
 */
export type WithLock = <T>(path: string, waitMs: number, work: (say: SayHolder) => Promise<T>) => Promise<T>

const mostHolderText = 300

/** What the holder wrote into the file: `process 4242, run 20261122-030000`. It is a help, so no problem with it is one. */
async function holderOf(path: string): Promise<string> {
  try {
    const text = (await readFile(path, 'utf8')).slice(0, mostHolderText).trim()
    return /^process \d+[ -~]*$/.test(text) ? text : ''
  } catch (cause) {
    void cause // not for us to read: then it stays untold
    return ''
  }
}

/** Written in place: the lock is on this file, and another one of its name would be another lock. */
async function sayHolder(path: string, what: string): Promise<void> {
  try {
    await writeFile(path, `process ${process.pid}${what === '' ? '' : `, ${what}`}\n`)
  } catch (cause) {
    void cause // a full disk keeps nobody from holding a lock
  }
}

/**
 * The kernel's own lock on the file: util-linux's flock holds it for as long as its `cat` has our pipe, so it is free
 * the moment we die. There is no stale lock to judge, on this machine or over NFS.
 */
async function hold<T>(
  path: string,
  waitMs: number,
  work: (say: SayHolder) => Promise<T>,
  signal: AbortSignal | null,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true }).catch((cause: unknown) => {
    throw explained(dirname(path), 'written', cause)
  })
  // Killed while it waits, we leave nobody behind who would wait on.
  const holder = spawn('setpriv', ['--pdeathsig', 'KILL', 'flock', '--exclusive', path, 'cat'], {
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
  const busy = async (): Promise<MintmarkError> => {
    const who = await holderOf(path)
    return new MintmarkError(
      'BUSY',
      `another run has held ${path} for ${waitMs / 1000} s${who === '' ? '' : `: ${who}`}`,
    )
  }
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => void busy().then(reject), waitMs)
      const stopped = (): void => settle(() => reject(new MintmarkError('INTERRUPTED', 'stopped')))
      const settle = (finish: () => void): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', stopped)
        finish()
      }
      signal?.addEventListener('abort', stopped, { once: true })
      if (signal?.aborted === true) stopped()
      holder.once('error', (cause) =>
        settle(() =>
          reject(new MintmarkError('TOOL_MISSING', 'setpriv (util-linux) is not on this machine', { cause })),
        ),
      )
      holder.once('exit', (code) => settle(() => reject(refused(path, code, stderr))))
      // `cat` starts, and so answers, only once the lock is ours.
      holder.stdout.once('data', () => settle(resolve))
      holder.stdin.write('\n')
    })
    await sayHolder(path, '')
    return await work((what) => sayHolder(path, what))
  } catch (cause) {
    if (holder.exitCode === null) holder.kill('SIGKILL')
    throw cause
  } finally {
    holder.stdin.end()
    await ended
  }
}

function refused(path: string, code: number | null, stderr: string): MintmarkError {
  const details = stderr.trim().split('\n')
  const readOnly = /Read-only file system/.test(stderr)
  if (readOnly || /Permission denied/.test(stderr))
    return new MintmarkError(
      'TOOL_FAILED',
      `${path} can't be written${readOnly ? ': its file system is read-only' : ' (EACCES)'}`,
      { hint: 'check who owns that folder and how it is mounted', details },
    )
  if (/No space left/.test(stderr)) return new MintmarkError('NO_SPACE', `no space left to write ${path}`)
  return new MintmarkError('TOOL_FAILED', `flock ${path} ended with exit code ${code}`, { details })
}

/** Locks whose wait ends with the signal, so that Ctrl-C is obeyed at once. */
export const lockUntil =
  (signal: AbortSignal): WithLock =>
  (path, waitMs, work) =>
    hold(path, waitMs, work, signal)

export const withLock: WithLock = (path, waitMs, work) => hold(path, waitMs, work, null)
