import { chmod, chown, mkdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { signingActions } from '../../pipeline/core/github-settings.ts'
import { chooseSigner } from '../../pipeline/ports/choose-signer.ts'
import type { Signing } from '../../pipeline/ports/signing.ts'
import type { World } from '../../pipeline/ports/world.ts'
import type { PromotionLook } from '../../pipeline/stages/look-promotion.ts'
import { type GitHubServer, startGithub } from '../helpers/github-server.ts'
import { addRun } from '../helpers/github-state.ts'
import { type MotoServer, makeSigningKey, startMoto } from '../helpers/moto-server.ts'
import { look, worldOfJob } from '../helpers/reviewed-job.ts'
import { group, isRoot, pointTo, released, sharingCheckout, trustOwnKey } from '../helpers/share-fixture.ts'
import { checkout, type TestWorld, testWorld } from '../helpers/world.ts'

// A job that plans has a role that may not sign. What it shows has to be what the job that signs finds again, by its digest.
interface Context {
  box: TestWorld
  moto: MotoServer
  server: GitHubServer
  guard: Server
  world: World
}

const it = suite<Context>('a look with a key in KMS')
const endpointOfService = 'AWS_ENDPOINT_URL_KMS'
/** Operations that the role of the moment is refused, and all that were asked for. */
const refused = new Set<string>()
const asked: string[] = []

/** The service, as the policy of a role lets somebody use it. */
async function guarded(endpoint: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    const operation = String(request.headers['x-amz-target']).replace(/^.*\./, '')
    asked.push(operation)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    response.setHeader('content-type', 'application/x-amz-json-1.1')
    if (refused.has(operation)) {
      response.statusCode = 400
      const message = `not authorized to perform: kms:${operation}`
      response.end(JSON.stringify({ __type: 'AccessDeniedException', message }))
      return
    }
    const { host: _, ...headers } = request.headers
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: Buffer.concat(chunks),
    })
    response.statusCode = answer.status
    response.end(await answer.text())
  })
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
  return server
}

/** A machine that knows nothing of the key yet. */
let machines = 0
function signerOf({ box: { world, folder } }: Pick<Context, 'box'>): Signing {
  machines += 1
  const home = join(folder, `keys-${machines}`)
  return chooseSigner({ MINTMARK_SIGNER: 'kms:alias/golden' }, home, world.files, () => undefined)
}

it.before(async (context) => {
  context.box = await testWorld()
  context.moto = await startMoto(context.box.world, join(checkout, 'test/helpers/moto-kms.py'))
  await makeSigningKey(context.moto, 'alias/golden')
  context.guard = await guarded(context.moto.endpoint)
  process.env[endpointOfService] = `http://127.0.0.1:${(context.guard.address() as AddressInfo).port}`
  context.server = await startGithub()
  addRun(context.server.state)
  const folder = join(context.box.folder, 'golden')
  await mkdir(folder)
  if (isRoot) await chown(folder, 0, group)
  await chmod(folder, 0o2750)
  const plain = await sharingCheckout(context.box, { stable: [`folder:${folder}`] })
  context.world = { ...worldOfJob(plain, context.server), keys: signerOf(context) }
  await trustOwnKey(context.world)
  await released(context.world, 'r-1', { allPass: true })
  await pointTo(context.world, 'stable', '1.0.0')
  await released(context.world, 'r-2', { allPass: true })
})
it.after(async ({ box, moto, server, guard }) => {
  delete process.env[endpointOfService]
  guard.close()
  guard.closeAllConnections()
  await moto.stop()
  await server.close()
  await box.close()
})

/** What a job sees whose role is refused these. */
async function lookWithout(context: Context, without: readonly string[]): Promise<PromotionLook> {
  refused.clear()
  for (const operation of without) refused.add(operation)
  asked.length = 0
  return look({ ...context.world, keys: signerOf(context) })
}

const digestsOf = ({ promotion, share }: PromotionLook) => [promotion.digest, share.plan.digest]
/** Whether the move could be signed so that others trust it. */
const knowsKey = ({ needs }: PromotionLook) => needs.find(({ name }) => name === 'key')?.met

it('who may not sign sees the same, by both digests, and asks for no signature', async (context) => {
  const full = await lookWithout(context, [])
  assert.equal([full.share.plan.actions.map(({ kind }) => kind), knowsKey(full)], [['grant'], true])
  const reading = await lookWithout(context, ['Sign'])
  assert.equal(digestsOf(reading), digestsOf(full))
  assert.is(knowsKey(reading), true)
  assert.equal(
    [...new Set(asked)].map((name) => `kms:${name}`),
    signingActions['is known'],
  )
})

it('who may not know the key plans something else: that right is none to leave out', async (context) => {
  const full = await lookWithout(context, [])
  const blind = await lookWithout(context, ['Sign', 'GetPublicKey'])
  assert.is(knowsKey(blind), false)
  assert.is.not(blind.share.plan.digest, full.share.plan.digest)
  assert.equal(
    blind.share.plan.actions.map(({ kind }) => kind),
    ['blocked'],
  )
})

it.run()
