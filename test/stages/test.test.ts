import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import { type BuildResult, TestReport } from '../../pipeline/model/stages.ts'
import type { StageContext } from '../../pipeline/stages/stage.ts'
import { testStage } from '../../pipeline/stages/test.ts'
import type { LaunchInput } from '../../pipeline/targets/instance.ts'
import { fileOf } from '../../pipeline/targets/qemu/artifact.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { type Behaviour, check, events, finished, memoryTarget, type Seen } from '../helpers/memory-target.ts'
import { plainDefinition } from '../helpers/plain-definition.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

// The stage itself, over machines that answer from memory; test/e2e boots real ones.
const stage = suite('test stage')

const definition = plainDefinition()

async function run(test: TestWorld, behaviour: Behaviour = {}, change: { readonly sha256?: string } = {}) {
  const { world, folder } = test
  const path = join(folder, 'image.qcow2')
  await world.files.write(path, 'the image')
  await world.files.write(join(folder, 'build-key.pub'), 'ssh-ed25519 AAAAbuild mintmark-build\n')
  await world.files.write(
    join(folder, 'bundle/guest/mintmark-check'),
    `#!/bin/sh\ncat <<'END'\n${check}\nEND\n`,
  )
  const artifact: BuildResult['artifact'] = {
    format: 'qcow2',
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
    target: { ...targets.qemu, ...memoryTarget(test, behaviour, seen) },
    folder,
    runId: '20261122T031500-Ab12Cd34',
    version: '1.0.0',
    seconds: {},
    options: { trivyDb: null, knownExploited: null, emergency: null },
    step: world.report.step('test'),
    need: (<K>(id: K) => (id === 'build' ? { artifact, accelerator: 'tcg' } : {})) as StageContext['need'],
  }
  const result = await testStage.run(context)
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
    assert.match(line, /^4 boots, \d+ facts, \d+ not as expected · login after 31 s and 31 s$/)
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
    const fresh = seen.launched.filter(({ again }) => again === undefined)
    const [a, b] = [...fresh].sort((x, y) => (x.instance < y.instance ? -1 : 1))
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

stage(
  'an instance goes its way in order, the doors are tried last, and each power-on is a new machine',
  async () => {
    const test = await testWorld()
    try {
      const { output, seen } = await run(test)
      assert.equal(events(test.folder, 'mm-ab12cd34-a'), [
        ...['power on new today', 'look', 'scan', 'other', 'upgrade', 'knock', 'knock', 'power off'],
        ...['power on again today', 'look again'],
      ])
      assert.equal(events(test.folder, 'mm-ab12cd34-b'), [
        ...['power on new today', 'look', 'scan', 'other'],
        ...['fill', 'other', 'new login', 'fill', 'other', 'new login', 'knock', 'knock', 'power off'],
        ...['power on again later cut off, forgets', 'look again'],
      ])
      const keys = seen.launched
        .filter(({ instance }) => instance.endsWith('-b'))
        .map(({ login }) => login.publicKey)
      assert.is(new Set(keys).size, 1, 'the same key on all its days')
      const status = new Map(output.facts.map((fact) => [fact.id, fact.status]))
      for (const id of [
        'upgrade-works',
        'reboot-login',
        'later-clock',
        'later-login',
        'later-root',
        'full-login',
      ])
        assert.is(status.get(id), 'pass', id)
      assert.is(status.get('full-reboot-login'), 'pass')
      assert.is(status.get('boot-seconds'), 'pass')
      assert.equal(
        output.boots.map(({ purpose }) => purpose),
        ['new', 'new', 'upgraded', 'later'],
      )
      assert.not.match(JSON.stringify(output), 'mirror.test')
    } finally {
      await test.close()
    }
  },
)

stage('where nobody can log in later, a machine of today tells whether the full disk did it', async () => {
  const test = await testWorld()
  try {
    const { output, seen } = await run(test, { dark: '-b again later' })
    const fact = (id: string) => output.facts.find((each) => each.id === id)
    assert.is(fact('ssh-login')?.status, 'pass')
    assert.is(fact('later-login')?.status, 'fail')
    assert.match(fact('later-login')?.found ?? '', 'Kernel panic')
    assert.is(fact('full-login')?.status, 'pass')
    assert.is(fact('full-reboot-login')?.status, 'pass')
    assert.is(fact('reboot-login')?.status, 'pass')
    assert.is(seen.stopped, 5)
    assert.equal(events(test.folder, 'mm-ab12cd34-b').slice(-3), [
      ...['power on again later cut off, forgets', 'power on again today', 'look again'],
    ])
  } finally {
    await test.close()
  }
})

stage(
  'where machines have no link and no clock of their own, the same is seen in another way, or said to be left out',
  async () => {
    const test = await testWorld()
    try {
      const { output, line, seen } = await run(test, { cloud: true })
      TestReport.parse(output)
      assert.equal(events(test.folder, 'mm-ab12cd34-b'), [
        ...['power on new today', 'look', 'scan'],
        ...['fill', 'other', 'new login', 'fill', 'other', 'new login', 'knock', 'knock', 'power off'],
        ...['power on again today', 'look again', 'move the clock', 'new login', 'remove', 'remove'],
      ])
      const fact = (id: string) => output.facts.find((each) => each.id === id)
      for (const id of [
        ...['only-declared-ports', 'only-declared-udp-ports', 'imds-v2-only'],
        ...['reboot-login', 'full-login', 'full-reboot-login', 'later-clock', 'later-login', 'later-root'],
      ])
        assert.not.ok(['fail', undefined].includes(fact(id)?.status), id)
      assert.match(fact('later-clock')?.found ?? '', /^\d{4}-\d\d-\d\d, set in the running machine$/)
      assert.is(fact('later-login')?.status, 'pass')
      assert.equal(
        output.notLookedAt?.map(({ id }) => id),
        ['dns-works', 'time-sync-works'],
      )
      assert.is(fact('dns-works'), undefined)
      assert.match(line, / · not looked at here: dns-works, time-sync-works$/)
      assert.equal(
        output.boots.map(({ purpose }) => purpose),
        ['new', 'new', 'upgraded', 'full'],
      )
      assert.equal(
        seen.launched.map(({ instance, again, goesOn }) => [instance.slice(-1), again, goesOn]).sort(),
        [
          ['a', undefined, true],
          ['a', 'keeps', undefined],
          ['b', undefined, true],
          ['b', 'keeps', undefined],
        ],
      )
      assert.equal(seen.launched[0]?.run, {
        image: 'debian-13',
        runId: '20261122T031500-Ab12Cd34',
        version: '1.0.0',
      })
    } finally {
      await test.close()
    }
  },
)

stage('leaves console logs and nothing else; every machine is stopped', async () => {
  const test = await testWorld()
  try {
    const { seen } = await run(test)
    assert.is(seen.stopped, 4)
    assert.equal(await test.world.files.list(join(test.folder, 'consoles')), [
      'boot-a-upgraded.log',
      'boot-a.log',
      'boot-b-later.log',
      'boot-b.log',
    ])
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
    assert.equal(
      output.boots.map(({ purpose }) => purpose),
      ['new', 'upgraded'],
    )
    assert.match(line, 'login after 31 s, the other never')
    assert.is(seen.stopped, 3)
    for (const id of ['later-login', 'full-login', 'full-reboot-login'])
      assert.is(output.facts.find((fact) => fact.id === id)?.status, 'unknown', id)
    assert.is(output.facts.find(({ id }) => id === 'reboot-login')?.status, 'pass')
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
    const onLaunch = (input: LaunchInput) => input.world.files.write(fileOf(input.artifact), 'another image')
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
