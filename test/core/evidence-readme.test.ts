import { constants, generateKeyPairSync, type KeyPairKeyObjectResult, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../pipeline/core/digest.ts'
import { bytesToSign, envelopeText } from '../../pipeline/core/dsse.ts'
import { evidenceReadme } from '../../pipeline/core/evidence-readme.ts'
import type { EvidenceIndex } from '../../pipeline/model/evidence.ts'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'

const it = suite('evidence-readme')
const exec = nodeExec(new AbortController().signal)

const index = (keyid: string, path: string | null): EvidenceIndex => ({
  schema: 1,
  image: 'debian-13',
  version: '1.0.0',
  variant: 'qemu-x86_64',
  artifact: keyid,
  record: keyid,
  made: '2026-11-22T03:00:00.000Z',
  complete: true,
  anchored: true,
  problems: [],
  missing: [],
  keys: [{ keyid, path }],
  files: [],
})

/** What the second block of the steps says of a record that this key signed, and of one that it did not. */
async function checked(pair: KeyPairKeyObjectResult, make: (bytes: Uint8Array) => Buffer): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mintmark-readme-'))
  try {
    const pem = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString()
    const keyid = sha256(pair.publicKey.export({ format: 'der', type: 'spki' }))
    const path = `keys/${keyid}.pem`
    await nodeFiles.write(join(folder, path), pem)
    const readme = evidenceReadme(index(keyid, path), new Map([[keyid, pem]]))
    const [, block = ''] = [...readme.matchAll(/^```\n([\s\S]*?)\n```$/gm)].map((match) => match[1])
    await nodeFiles.write(join(folder, 'steps.sh'), `bad=0\n${block}\nexit $bad`)
    const payload = Buffer.from('{"a":1}')
    const sig = make(bytesToSign(payload)).toString('base64')
    const codes: (number | null)[] = []
    for (const content of [payload, Buffer.from('{"a":2}')]) {
      await nodeFiles.write(join(folder, 'record/record.dsse.json'), envelopeText(content, [{ keyid, sig }]))
      codes.push((await exec.run(['sh', '-u', 'steps.sh'], { cwd: folder, ok: 'any' })).code)
    }
    assert.is(codes[0], 0)
    assert.is.not(codes[1], 0)
  } finally {
    await rm(folder, { recursive: true })
  }
}

it('openssl checks Ed25519, ECDSA and RSA-PSS as the steps say', async () => {
  const ed = generateKeyPairSync('ed25519')
  await checked(ed, (bytes) => sign(null, bytes, ed.privateKey))
  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  await checked(ec, (bytes) => sign('sha256', bytes, ec.privateKey))
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  await checked(rsa, (bytes) => sign('sha256', bytes, { key: rsa.privateKey, padding, saltLength }))
})

it('a key that is not there is said, not passed over', () => {
  const keyid = sha256('key')
  const text = evidenceReadme(index(keyid, null), new Map())
  assert.match(text, `Whose public key is not in here, for nobody knew it: ${keyid}.`)
})

it.run()
