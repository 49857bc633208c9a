import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { nodeExec } from '../../pipeline/ports/exec.ts'

const running = suite('exec')
const exec = nodeExec(new AbortController().signal)

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    void cause
    return false
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (!alive(pid)) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}

running('arguments reach the program as they are', async () => {
  const odd = ['a b', "it's", '$(id)', '`id`', '*', '-n', '', 'é\n"']
  const { stdout } = await exec.run(['printf', '%s|', ...odd])
  assert.is(stdout, `${odd.join('|')}|`)
})

running('no variable of ours is passed on but the listed ones', async () => {
  process.env['AWS_SECRET_ACCESS_KEY'] = 'not-for-children'
  const { stdout } = await exec.run(['env'], { env: { ADDED: '1' } })
  delete process.env['AWS_SECRET_ACCESS_KEY']
  assert.not.match(stdout, 'not-for-children')
  assert.match(stdout, /^ADDED=1$/m)
  assert.match(stdout, /^LANG=C\.UTF-8$/m)
})

running("a program starts without the user's .bashrc", async () => {
  const home = await mkdtemp(join(tmpdir(), 'mintmark-home-'))
  await writeFile(join(home, '.bashrc'), 'echo noise from the bashrc\n')
  const { stdout } = await exec.run(['echo', 'ours'], { env: { HOME: home } })
  await rm(home, { recursive: true })
  assert.is(stdout, 'ours\n')
})

running('a failure says what was run and what it said', async () => {
  try {
    await exec.run(['sh', '-c', 'echo because >&2; exit 3'])
    assert.unreachable()
  } catch (cause) {
    const error = cause as MintmarkError
    assert.is(error.code, 'TOOL_FAILED')
    assert.match(error.message, 'exit code 3')
    assert.equal(error.lines, ['because'])
  }
})

running('a program that is not there is a missing tool', async () => {
  try {
    await exec.run(['no-such-program-here'])
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'TOOL_MISSING')
  }
})

/** A process of ours starts a leashed child, which starts another; ours is killed. @returns what is left of them */
async function leftOf(leash: 'tree' | 'group', script: string, sign: string): Promise<string> {
  const ours = `
    import { nodeExec } from '${new URL('../../pipeline/ports/exec.ts', import.meta.url).href}'
    nodeExec(new AbortController().signal).start(['sh', '-c', ${JSON.stringify(script)}], { leash: '${leash}' })
    setTimeout(() => {}, 60000)
  `
  const starter = exec.start([process.execPath, '--import', 'tsx', '--input-type=module', '-e', ours])
  const sleeper = async (): Promise<number | null> => {
    const { stdout } = await exec.run(['pgrep', '-f', `^${sign}$`], { ok: 'any' })
    return stdout.trim() === '' ? null : Number(stdout.trim().split('\n')[0])
  }
  let pid: number | null = null
  for (let tries = 0; tries < 100 && pid === null; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    pid = await sleeper()
  }
  assert.is.not(pid, null, 'the grandchild runs')
  process.kill(starter.pid, 'SIGKILL')
  assert.ok(await gone(pid ?? 0), 'the grandchild is gone')
  await starter.done
  return (await exec.run(['pgrep', '-af', sign.slice(0, -1)], { ok: 'any' })).stdout
}

running(
  'a leashed tree is dead when its starter is killed, grandchildren in sessions of their own too',
  async () => {
    assert.is(await leftOf('tree', 'setsid sleep 98765 & wait', 'sleep 98765'), '')
  },
)

running('so is a leashed group, with user and process namespaces of its own in it', async () => {
  const inside = 'unshare --user --map-root-user --pid --fork sh -c "sleep 98764; true" & wait'
  assert.is(await leftOf('group', inside, 'sleep 98764'), '')
})

running(
  'a leashed group has the exit code of its program, no input, and ends when it is told to',
  async () => {
    const { code, stdout } = await exec.run(['sh', '-c', 'echo said; cat; exit 3'], {
      leash: 'group',
      ok: [3],
    })
    assert.equal([code, stdout], [3, 'said\n'])
    const stop = new AbortController()
    const child = nodeExec(stop.signal).start(['sh', '-c', 'sleep 98763 & wait'], { leash: 'group' })
    await new Promise((resolve) => setTimeout(resolve, 300))
    stop.abort()
    assert.is((await child.done).code, 137)
    assert.is((await exec.run(['pgrep', '-f', '^sleep 98763$'], { ok: 'any' })).stdout, '')
  },
)

running('a log that has no room is told, and a tool that found none as well', async () => {
  const codeOf = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'none',
      (cause: MintmarkError) => cause.code,
    )
  assert.is(
    await codeOf(exec.run(['sh', '-c', 'echo a; sleep 0.2; echo b'], { logTo: '/dev/full' })),
    'NO_SPACE',
  )
  assert.is(await codeOf(exec.run(['sh', '-c', 'head -c 9 /dev/zero >/dev/full'])), 'NO_SPACE')
})

running('abort kills what runs', async () => {
  const stop = new AbortController()
  const own = nodeExec(stop.signal)
  const child = own.start(['sleep', '1000'])
  stop.abort()
  const { signal } = await child.done
  assert.is(signal, 'SIGKILL')
})

running('a timeout kills, with no code', async () => {
  const { code, signal } = await exec.run(['sleep', '1000'], { timeoutMs: 100, ok: 'any' })
  assert.is(code, null)
  assert.is(signal, 'SIGKILL')
})

running('an empty input is an end, not a wait for more', async () => {
  const { code, stdout } = await exec.run(['cat'], { input: '', timeoutMs: 5000 })
  assert.equal([code, stdout], [0, ''])
})

running.run()
