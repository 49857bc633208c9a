import { createHash } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { Signature } from '../../pipeline/model/release.ts'
import { chooseSigner } from '../../pipeline/ports/choose-signer.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import type { Signing } from '../../pipeline/ports/signing.ts'
import { issuer, type SigstoreServer, sigstoreServer, subject } from '../helpers/sigstore-server.ts'

interface Context {
  server: SigstoreServer
  notes: string[]
  signer: Signing
  signature: Signature
}

const it = suite<Context>('sigstore')
const bytes = Buffer.from('what is signed, and stays here')

it.before(async (context) => {
  context.server = await sigstoreServer()
  Object.assign(process.env, context.server.ciEnv)
  context.notes = []
  context.signer = signerBy(context.server.env, context.notes)
  context.signature = await context.signer.sign(bytes)
})
it.after(async ({ server }) => {
  for (const name of Object.keys(server.ciEnv)) delete process.env[name]
  await server.close()
})

const signerBy = (env: Readonly<Record<string, string>>, notes: string[] = []): Signing =>
  chooseSigner(env, '/nowhere/keys', nodeFiles, (text) => void notes.push(text))

async function refused(work: () => Promise<unknown>): Promise<MintmarkError> {
  try {
    await work()
  } catch (cause) {
    if (cause instanceof MintmarkError) return cause
    throw cause
  }
  throw new Error('nothing was thrown')
}

it('signs as the job, and is told by the root alone', async ({ server, signer, signature, notes }) => {
  const found = await signer.identify({ text: server.root, path: 'root.json' }, bytes, signature)
  assert.ok(found.right, JSON.stringify(found))
  assert.equal([found.issuer, found.subject], [issuer, subject])
  assert.ok(Math.abs(Date.parse(found.at) - Date.now()) < 600_000)
  assert.equal(notes.length, 1)
  assert.match(notes[0] ?? '', /^signed as https:\/\/github\.com\/corp\/images\/.*, logged at http/)
  assert.equal(await signer.signer(), { kind: 'identity', issuer, subject })
  assert.is(await signer.existing(), null)
})

it('the log gets a digest and a certificate, nothing of what is signed', ({ server }) => {
  const [body = ''] = server.logged
  const { kind, spec } = JSON.parse(body) as { kind: string; spec: { data: object } }
  assert.is(kind, 'hashedrekord')
  const value = createHash('sha256').update(bytes).digest('hex')
  assert.equal(spec.data, { hash: { algorithm: 'sha256', value } })
  for (const form of ['utf8', 'base64', 'hex'] as const) assert.not.ok(body.includes(bytes.toString(form)))
})

it('no other bytes, key, certificate, entry, time stamp or root', async ({ server, signer, signature }) => {
  const root = { text: server.root, path: 'root.json' }
  const { sigstore } = signature
  const [entry] = sigstore?.tlogEntries ?? []
  if (sigstore === undefined || entry === undefined) throw new Error('no material')
  const other = (await signer.sign(Buffer.from('other'))).sigstore
  const entryWith = (change: object): Signature => ({
    ...signature,
    sigstore: { ...sigstore, tlogEntries: [{ ...entry, ...change }] },
  })
  const noStamp = { rfc3161Timestamps: [] }
  const { inclusionPromise: _promise, ...withoutPromise } = entry
  const wrong: readonly (readonly [string, Signature])[] = [
    ['keyid', { ...signature, keyid: '0'.repeat(64) }],
    [
      'certificate',
      { ...signature, sigstore: { ...sigstore, ...(other && { certificate: other.certificate }) } },
    ],
    ['the material of another', { ...signature, ...(other && { sigstore: other }) }],
    ['time', entryWith({ integratedTime: '1600000000' })],
    ['log', entryWith({ logId: { keyId: Buffer.alloc(32).toString('base64') } })],
    ['body', entryWith({ canonicalizedBody: other?.tlogEntries[0]?.canonicalizedBody })],
    ['promise', entryWith({ inclusionPromise: other?.tlogEntries[0]?.inclusionPromise })],
    ['proof', entryWith({ inclusionProof: other?.tlogEntries[0]?.inclusionProof })],
    ['index', entryWith({ logIndex: '7' })],
    [
      'no time at all',
      {
        ...signature,
        sigstore: { ...sigstore, tlogEntries: [withoutPromise], timestampVerificationData: noStamp },
      },
    ],
    [
      'time stamp',
      {
        ...signature,
        sigstore: {
          ...sigstore,
          ...(other && { timestampVerificationData: other.timestampVerificationData }),
        },
      },
    ],
    [
      'certificate that is none',
      { ...signature, sigstore: { ...sigstore, certificate: { rawBytes: 'AAAA' } } },
    ],
    ['nothing', { keyid: signature.keyid, sig: signature.sig }],
  ]
  for (const [name, changed] of wrong) {
    const found = await signer.identify(root, bytes, changed)
    assert.is(found.right, false, name)
  }
  assert.is((await signer.identify(root, Buffer.from('other'), signature)).right, false)
  assert.is((await signer.identify(root, bytes, signature)).right, true)
  // The time stamp alone is enough of a time.
  const stamped = await signer.identify(root, bytes, {
    ...signature,
    sigstore: { ...sigstore, tlogEntries: [withoutPromise] },
  })
  assert.is(stamped.right, true, JSON.stringify(stamped))
})

it('a root that is none is an error, not a signature that is wrong', async ({ signer, signature }) => {
  for (const text of ['', '{}', '[]', '{"tlogs": 1}', '{"certificateAuthorities": [], "tlogs": []}']) {
    const error = await refused(() => signer.identify({ text, path: 'root.json' }, bytes, signature))
    assert.is(error.code, 'CONFIG_INVALID')
    assert.match(error.message, /^root\.json /)
    assert.match(error.hint, /cosign trusted-root create/)
  }
})

it('is refused where the public log was not accepted, before anybody is asked', async ({ server }) => {
  const before = server.asked.length
  const { MINTMARK_SIGSTORE_REKOR: _rekor, ...onlyFulcio } = server.env
  for (const env of [{ MINTMARK_SIGNER: 'sigstore' }, onlyFulcio]) {
    const signer = signerBy(env)
    for (const work of [() => signer.sign(bytes), () => signer.ready(), () => signer.signer()]) {
      const error = await refused(work)
      assert.is(error.code, 'TOOL_REFUSED')
      assert.match(error.message, /names of repository, workflow and commit into a public log/)
      assert.match(error.hint, /signing: \{sigstore: \{publicLog: true\}\}.*MINTMARK_SIGSTORE_FULCIO/)
    }
  }
  assert.is(server.asked.length, before)
})

it('takes addresses with https, or of this machine, without credentials', async ({ server }) => {
  for (const bad of [
    'http://fulcio.corp.example',
    'https://user:geheim@fulcio.corp.example',
    'fulcio',
    'ftp://x',
  ]) {
    const error = await refused(() => signerBy({ ...server.env, MINTMARK_SIGSTORE_FULCIO: bad }).sign(bytes))
    assert.is(error.code, 'CONFIG_INVALID')
    assert.not.ok(error.message.includes('geheim'))
  }
})

it('without a token it says how a job gets one', async ({ server, signer }) => {
  const name = 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'
  const right = server.ciEnv[name] ?? ''
  try {
    delete process.env[name]
    assert.match((await refused(() => signer.ready())).hint, /permissions: \{id-token: write\}/)
    process.env['SIGSTORE_ID_TOKEN'] = 'no.token-of-ours.here'
    const error = await refused(() => signer.sign(bytes))
    assert.is(error.code, 'TOOL_REFUSED')
    assert.not.ok(JSON.stringify([error.message, error.hint, String(error.cause)]).includes('token-of-ours'))
  } finally {
    delete process.env['SIGSTORE_ID_TOKEN']
    process.env[name] = right
  }
})

it('is named as the certificate will name it: by workflow, pipeline, e-mail or subject', async ({
  server,
}) => {
  const saved = { ...server.ciEnv }
  for (const name of Object.keys(saved)) delete process.env[name]
  const claims: readonly (readonly [object, string])[] = [
    [
      { sub: 'repo:a/b', job_workflow_ref: 'a/b/.github/workflows/c.yml@main' },
      'https://github.com/a/b/.github/workflows/c.yml@main',
    ],
    [
      { sub: 'project:1', ci_config_ref_uri: 'gitlab.com/a/b//.gitlab-ci.yml@refs/heads/main' },
      'https://gitlab.com/a/b//.gitlab-ci.yml@refs/heads/main',
    ],
    [{ sub: '42', email: 'a@corp.example' }, 'a@corp.example'],
    [{ sub: 'spiffe://corp/job' }, 'spiffe://corp/job'],
  ]
  try {
    for (const [claim, name] of claims) {
      const body = Buffer.from(JSON.stringify({ iss: 'https://id.example', ...claim })).toString('base64url')
      process.env['SIGSTORE_ID_TOKEN'] = `e30.${body}.c2ln`
      const named = await signerBy(server.env).signer()
      assert.equal(named, { kind: 'identity', issuer: 'https://id.example', subject: name })
    }
  } finally {
    delete process.env['SIGSTORE_ID_TOKEN']
    Object.assign(process.env, saved)
  }
})

it('who does not answer is named, and nothing of the token', async ({ server }) => {
  const gone = 'http://127.0.0.1:9'
  for (const [name, says] of [
    ['MINTMARK_SIGSTORE_FULCIO', /^the certificate authority http:\/\/127/],
    ['MINTMARK_SIGSTORE_REKOR', /^the transparency log http:\/\/127/],
    ['MINTMARK_SIGSTORE_TSA', /^the time stamping authority http:\/\/127/],
  ] as const) {
    const error = await refused(() => signerBy({ ...server.env, [name]: gone }).sign(bytes))
    assert.is(error.code, 'PROVIDER_UNREACHABLE', error.message)
    assert.match(error.message, says)
    assert.not.ok(JSON.stringify([error.message, error.hint, error.lines]).includes('eyJ'))
  }
})

it('another signer than there are is refused with what there is', () => {
  for (const wrong of ['gpg', 'kms:', 'kms:nothing like it', 'KMS:alias/x']) {
    try {
      signerBy({ MINTMARK_SIGNER: wrong })
      assert.unreachable(wrong)
    } catch (cause) {
      assert.ok(cause instanceof MintmarkError, String(cause))
      assert.match(cause.hint, /^file, sigstore, or kms:/)
    }
  }
  for (const right of ['kms:alias/golden', 'kms:1234abcd-12ab-34cd-56ef-1234567890ab', ''])
    signerBy({ MINTMARK_SIGNER: right })
})

it.run()
