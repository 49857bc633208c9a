import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import { type BuildResult, TestReport } from '../../pipeline/model/stages.ts'
import type { Finished } from '../../pipeline/ports/exec.ts'
import type { StageContext } from '../../pipeline/stages/stage.ts'
import { testStageFor } from '../../pipeline/stages/test.ts'
import type { Instance, LaunchInput, Target } from '../../pipeline/targets/target.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// The stage itself, over machines that answer from memory; test/e2e boots real ones.
const stage = suite('test stage')

const definition = Definition.parse({
  schema: 1,
  owner: 'team-platform',
  os: { family: 'debian', release: '13', arch: ['x86_64'] },
  base: { from: 'archive' },
  hardening: { profiles: ['cis-l2-server'] },
  targets: { qemu: {} },
})

const check = JSON.stringify({
  schema: 1,
  image: 'debian-13',
  phase: 'sealed',
  results: [{ control: 'sshd-root', status: 'pass', expected: 'no', found: 'no' }],
})

const finished = (stdout: string): Finished => ({ code: 0, signal: null, stdout, stderr: '' })

interface Behaviour {
  /** Instances whose name ends so never answer. */
  readonly dark?: string
  readonly onLaunch?: (input: LaunchInput) => Promise<void>
  /** What the guest does with a command of the definition's own tests. */
  readonly onCommand?: (command: string, instance: string) => Finished
  readonly forwarded?: ReadonlyMap<number, number>
  readonly tests?: Definition['test']
}

interface Seen {
  readonly launched: LaunchInput[]
  stopped: number
}

function target(
  { world }: TestWorld,
  behaviour: Behaviour,
  seen: Seen,
): Pick<Target, 'launch' | 'readDisk' | 'loginUser'> {
  return {
    loginUser: () => 'debian',
    async launch(input) {
      seen.launched.push(input)
      await behaviour.onLaunch?.(input)
      // Stands for a client that is refused, whatever its options.
      const refused = join(input.folder, 'refused')
      await world.files.write(refused, '#!/bin/sh\necho "Permission denied (publickey)." >&2\nexit 255\n', {
        mode: 0o755,
      })
      await world.files.write(join(input.folder, 'console.log'), `${input.instance} login:\n`)
      const instance: Instance = {
        host: '127.0.0.1',
        port: 1,
        link: { reachable: async () => true, openTcpPorts: async () => [22] },
        waitForLogin: async () => {
          if (behaviour.dark === undefined || !input.instance.endsWith(behaviour.dark)) return 31
          throw new MintmarkError('TOOL_FAILED', 'did not answer', {
            details: ['Kernel panic - not syncing'],
          })
        },
        forwarded: behaviour.forwarded ?? new Map(),
        ssh: async (command) =>
          behaviour.onCommand?.(command, input.instance) ??
          finished(`@@ user\ndebian\n@@ = 0\n@@ check\n${check}\n@@ = 0\n`),
        sshArgv: () => [refused],
        console: async () => [],
        ended: Promise.resolve(),
        stop: async () => {
          seen.stopped += 1
        },
      }
      return instance
    },
    async readDisk(_world, _disk, into) {
      await world.files.write(join(into, 'root/etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\n')
      await world.files.write(join(into, 'root/etc/machine-id'), '')
      await world.files.write(
        join(into, 'root/etc/apt/sources.list'),
        'deb http://deb.debian.org/debian trixie main\n',
      )
      return { root: join(into, 'root'), fileSystems: [] }
    },
  }
}

async function run(
  test: TestWorld,
  behaviour: Behaviour = {},
  change: Partial<BuildResult['artifact']> = {},
) {
  const { world, folder } = test
  const path = join(folder, 'image.qcow2')
  await world.files.write(path, 'the image')
  await world.files.write(join(folder, 'build-key.pub'), 'ssh-ed25519 AAAAbuild mintmark-build\n')
  await world.files.write(
    join(folder, 'bundle/guest/mintmark-check'),
    `#!/bin/sh\ncat <<'END'\n${check}\nEND\n`,
  )
  const artifact = {
    path,
    sha256: await world.files.sha256(path),
    bytes: 9,
    virtualBytes: 4 * 2 ** 30,
    ...change,
  }
  const seen: Seen = { launched: [], stopped: 0 }
  const context: StageContext = {
    world,
    image: 'debian-13',
    definition: { ...definition, test: behaviour.tests ?? [] },
    folder,
    runId: '20261122T031500-Ab12Cd34',
    version: '1.0.0',
    seconds: {},
    options: { trivyDb: null },
    step: world.report.step('test'),
    need: (<K>(id: K) => (id === 'build' ? { artifact } : {})) as StageContext['need'],
  }
  const result = await testStageFor(target(test, behaviour, seen)).run(context)
  return { ...result, seen, path }
}

async function code(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'nothing'
  } catch (cause) {
    return cause instanceof MintmarkError ? cause.code : String(cause)
  }
}

stage('boots two new instances with keys of their own, and reports facts by the schema', async () => {
  const test = await testWorld()
  try {
    const { output, line, seen } = await run(test)
    TestReport.parse(output)
    assert.match(line, /^2 boots, 24 facts, \d+ not as expected · login after 31 s and 31 s$/)
    assert.is(new Set(output.facts.map(({ id }) => id)).size, output.facts.length)
    assert.equal(
      output.controls.map(({ where, results }) => [where, results.length]),
      [
        ['boot-a', 1],
        ['boot-b', 1],
        ['sealed', 1],
      ],
    )
    const status = (id: string) => output.facts.find((fact) => fact.id === id)?.status
    assert.is(status('ssh-login'), 'pass')
    assert.is(status('root-login-refused'), 'pass')
    assert.is(status('password-login-refused'), 'pass')
    assert.is(status('controls-hold-sealed'), 'pass')
    assert.is(status('sudo-works'), 'unknown', 'what nobody answered is unknown')
    const [a, b] = [...seen.launched].sort((x, y) => (x.instance < y.instance ? -1 : 1))
    assert.is(a?.instance, 'mm-ab12cd34-a')
    assert.is(b?.instance, 'mm-ab12cd34-b')
    assert.is.not(a?.login.publicKey, b?.login.publicKey)
    assert.is(a?.diskGiB, 5)
    assert.is(a?.link, true)
  } finally {
    await test.close()
  }
})

const serving = async (status: number): Promise<{ readonly server: Server; readonly port: number }> => {
  const server = createServer((_request, response) => response.writeHead(status).end('not ready\u001b[31m'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

stage("the definition's own tests run in both boots, and each is a fact", async () => {
  const test = await testWorld()
  const { server, port } = await serving(204)
  try {
    const { output, seen } = await run(test, {
      tests: [
        { run: "it's $(here)", exit: 3 },
        { run: 'false', exit: 0 },
        { http: ':8080/healthz', https: false, status: 204 },
      ],
      forwarded: new Map([[8080, port]]),
      onCommand: (command, instance) => {
        if (!command.startsWith('sudo -n sh -c ')) return finished('')
        if (command.includes("'it'\\''s $(here)'")) return { ...finished('fine'), stderr: '@@ exit 3\n' }
        const code = instance.endsWith('-b') ? 1 : 0
        return { ...finished('no\u001b[2J\nway\n'), stderr: `@@ exit ${code}\n` }
      },
    })
    TestReport.parse(output)
    assert.equal(seen.launched[0]?.forward, [8080])
    const facts = output.facts.filter(({ id }) => /^test-\d+$/.test(id))
    assert.equal(
      facts.map(({ id, title, status }) => [id, title, status]),
      [
        ['test-1', "test: it's $(here)", 'pass'],
        ['test-2', 'test: false', 'fail'],
        ['test-3', 'test: http :8080/healthz', 'pass'],
      ],
    )
    assert.is(facts[1]?.found, 'mm-ab12cd34-a: exit code 0 | mm-ab12cd34-b: exit code 1: no\\u{1b}[2J / way')
    assert.is(facts[2]?.found, 'status 204')
  } finally {
    server.close()
    await test.close()
  }
})

stage('leaves console logs and nothing else; every machine is stopped', async () => {
  const test = await testWorld()
  try {
    const { seen } = await run(test)
    assert.is(seen.stopped, 2)
    assert.equal(await test.world.files.list(join(test.folder, 'consoles')), ['boot-a.log', 'boot-b.log'])
    assert.is(await test.world.files.info(join(test.folder, 'test')), null)
  } finally {
    await test.close()
  }
})

stage('a machine that does not come up is an answer, with what its console said', async () => {
  const test = await testWorld()
  try {
    const { output, line, seen } = await run(test, { dark: '-b' })
    const login = output.facts.find(({ id }) => id === 'ssh-login')
    assert.is(login?.status, 'fail')
    assert.match(login?.found ?? '', 'Kernel panic')
    assert.is(output.facts.find(({ id }) => id === 'root-login-refused')?.status, 'unknown')
    assert.is(output.boots.length, 1)
    assert.match(line, 'login after 31 s, the other never')
    assert.is(seen.stopped, 2)
  } finally {
    await test.close()
  }
})

stage('refuses an image that is not the one that was built', async () => {
  const test = await testWorld()
  try {
    assert.is(await code(run(test, {}, { sha256: '0'.repeat(64) })), 'CHAIN_BROKEN')
  } finally {
    await test.close()
  }
})

stage('notices when the image was written to while it was tested', async () => {
  const test = await testWorld()
  try {
    const onLaunch = (input: LaunchInput) => input.world.files.write(input.disk, 'another image')
    assert.is(await code(run(test, { onLaunch })), 'CHAIN_BROKEN')
  } finally {
    await test.close()
  }
})

stage('a broken tool is an error, after every machine was stopped', async () => {
  const test = await testWorld()
  try {
    const onLaunch = async () => {
      throw new MintmarkError('TOOL_MISSING', 'qemu-system-x86_64 is not on this machine')
    }
    assert.is(await code(run(test, { onLaunch })), 'TOOL_MISSING')
    assert.is(await test.world.files.info(join(test.folder, 'test')), null)
  } finally {
    await test.close()
  }
})

stage.run()
