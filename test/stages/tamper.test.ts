import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../pipeline/cli/verbs/verify.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { appendEvent } from '../../pipeline/stages/events.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import type { Link } from '../../pipeline/stages/verify-release.ts'
import { rescanned } from '../helpers/events.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { type SigstoreServer, sigstoreServer } from '../helpers/sigstore-server.ts'
import { catalogCases } from '../helpers/tamper-catalog.ts'
import { eventCases, signerCases } from '../helpers/tamper-signers.ts'
import { copyOf, elsewhere, type Spoiled, trustedEntry, writeTrust } from '../helpers/tampered.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

interface Context {
  made: TestWorld
}

const it = suite<Context>('tamper')
const servers: SigstoreServer[] = []
const server = (index: number) => (): SigstoreServer => {
  const found = servers[index]
  if (found === undefined) throw new Error('the server was not started')
  return found
}
const cases = [...catalogCases, ...eventCases, ...signerCases(server(0), server(1))]

it.before(async (context) => {
  context.made = await testWorld()
  const world = elsewhere(context.made)
  await fixtureRelease(world)
  await fixtureRelease(world, { runId: 'r-2' })
  const release = await findRelease(world, 'debian-13@1.0.0')
  for (const findings of [1, 2, 3]) {
    await world.catalog.putBlob(Buffer.from(`report ${findings}`))
    await appendEvent(world, release, { trust: [], onlyTrust: false }, async () => rescanned(findings))
  }
  await writeTrust({ box: context.made, world }, [await trustedEntry(world.keys)])
  servers.push(await sigstoreServer(), await sigstoreServer())
  Object.assign(process.env, servers[0]?.ciEnv)
})
it.after(async ({ made }) => {
  for (const name of Object.keys(servers[0]?.ciEnv ?? {})) delete process.env[name]
  for (const item of servers) await item.close()
  await made.close()
})

interface Outcome {
  readonly exit: number
  readonly text: string
  readonly data: { readonly ok: boolean; readonly links: readonly Link[] }
}

async function verify({ box, world }: Spoiled, ref: string): Promise<Outcome> {
  const quick = { ...world, clock: { ...world.clock, sleep: async () => undefined } }
  const exit = (await run({ world: quick, args: [ref], options: {} })) ?? 0
  const { text, data } = box.told.results.at(-1) ?? { text: '', data: null }
  return { exit, text, data: data as Outcome['data'] }
}

it('nothing was done to it: both releases are right', async ({ made }) => {
  const spoiled = await copyOf(made)
  try {
    for (const ref of ['debian-13', 'debian-13@1.0.0']) {
      const { exit, text, data } = await verify(spoiled, ref)
      assert.equal([exit, data.ok], [0, true], text)
      assert.match(text, /✓ +provenance +sha256:[0-9a-f]{12}…, SLSA v1, says the same as the record/)
    }
  } finally {
    await spoiled.box.close()
  }
})

for (const { name, spoil, ref = 'debian-13@1.0.1', wrong } of cases) {
  it(name, async ({ made }) => {
    const spoiled = await copyOf(made)
    try {
      await spoil(spoiled)
      const { exit, text, data } = await verify(spoiled, ref)
      const broken = data.links.filter((link) => !link.right)
      assert.equal(
        [...new Set(broken.map((link) => link.name))],
        wrong.map(([link]) => link),
        text,
      )
      assert.equal([exit, data.ok], [9, false])
      for (const [link, says] of wrong) {
        const told = broken.filter((item) => item.name === link).map((item) => item.text)
        assert.ok(
          told.some((item) => says.test(item)),
          `${link} says ${told.join(' | ')}, not ${says}`,
        )
      }
    } finally {
      await spoiled.box.close()
    }
  })
}

it('the whole table is looked at', () => {
  assert.ok(cases.length >= 50, `${cases.length}`)
  assert.is(new Set(cases.map((item) => item.name)).size, cases.length)
})

it('a trust.yaml that can not be right ends it with its place', async ({ made }) => {
  const spoiled = await copyOf(made)
  const { world } = spoiled
  try {
    const right = await trustedEntry(world.keys)
    const secret = await world.files.readText(`${world.places.keys}/signing.pem`)
    const spoilt: readonly (readonly [readonly object[], RegExp])[] = [
      [[{ ...right, publicKey: secret }], /keys\.0 holds a private key, which nobody else may have/],
      [[{ ...right, keyid: '0'.repeat(64) }], /keys\.0\.keyid is 0{64}, the key's is [0-9a-f]{64}$/],
      [[right, right], /trust\.yaml/],
      [[{ ...right, until: '2019-01-01' }], /trust\.yaml/],
      [[{ ...right, stillTrusted: ['1'.repeat(64)] }], /trust\.yaml/],
      [[{ ...right, forever: true }], /trust\.yaml/],
    ]
    for (const [keys, says] of spoilt) {
      await writeTrust(spoiled, keys)
      try {
        await verify(spoiled, 'debian-13')
        assert.unreachable(String(says))
      } catch (cause) {
        assert.ok(cause instanceof MintmarkError, String(cause))
        assert.is(cause.code, 'CONFIG_INVALID')
        assert.match(cause.message, says)
        assert.not.ok(JSON.stringify([cause.message, cause.lines]).includes(secret.split('\n')[1] ?? '?'))
      }
    }
  } finally {
    await spoiled.box.close()
  }
})

it.run()
