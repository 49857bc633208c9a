import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { publicKeyring } from '../../pipeline/core/apt-keyring.ts'
import { armouredBlocks, dearmor } from '../../pipeline/core/openpgp-armor.ts'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'

interface Context {
  folder: string
  armoured: Uint8Array
  binary: Uint8Array
  secret: Uint8Array
  secretBinary: Uint8Array
}
const empty = new Uint8Array()
const keyring = suite<Context>('apt-keyring', {
  folder: '',
  armoured: empty,
  binary: empty,
  secret: empty,
  secretBinary: empty,
})

/** Keys of gpg itself. */
keyring.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-gpg-'))
  const { run } = nodeExec(new AbortController().signal)
  const gpg = async (name: string, ...args: string[]): Promise<Uint8Array> => {
    const path = join(context.folder, name)
    await run(['gpg', '--homedir', context.folder, '--batch', '--quiet', '--yes', '--output', path, ...args])
    return nodeFiles.readBytes(path)
  }
  const home = ['gpg', '--homedir', context.folder, '--batch', '--quiet', '--passphrase', '']
  await run([...home, '--quick-gen-key', 'One', 'ed25519', 'sign', 'never'])
  await run([...home, '--quick-gen-key', 'Two', 'rsa2048', 'sign', 'never'])
  context.armoured = await gpg('a.asc', '--armor', '--export')
  context.binary = await gpg('a.gpg', '--export')
  context.secret = await gpg('s.asc', '--armor', '--export-secret-keys')
  context.secretBinary = await gpg('s.gpg', '--export-secret-keys')
  await run(['gpgconf', '--homedir', context.folder, '--kill', 'all'], { ok: 'any' })
})

keyring.after(async ({ folder }) => {
  await rm(folder, { recursive: true, force: true })
})

keyring('armoured or not, the keyring is the same', ({ armoured, binary }) => {
  for (const bytes of [armoured, binary]) {
    const read = publicKeyring(bytes)
    assert.ok(typeof read !== 'string')
    assert.ok(Buffer.from(binary).equals(Buffer.from((read as { keyring: Uint8Array }).keyring)))
  }
})

keyring(
  'a private key, a damaged one and anything else are refused',
  ({ armoured, binary, secret, secretBinary }) => {
    assert.is(publicKeyring(secret), 'is a private key')
    assert.is(publicKeyring(secretBinary), 'is a private key')
    assert.is(publicKeyring(Buffer.concat([armoured, secret])), 'is a private key')
    assert.is(publicKeyring(binary.subarray(0, binary.length - 20)), 'is a damaged OpenPGP key')
    assert.match(String(publicKeyring(Buffer.from('Package: x\n'))), /is no OpenPGP public key/)
    const broken = Buffer.from(armoured)
      .toString()
      .replace(/\n(.)/g, '\n$1')
      .replace(/\n[A-Za-z0-9+/]{64}\n/, '\n')
    assert.match(String(publicKeyring(Buffer.from(broken))), /is no OpenPGP public key/)
  },
)

keyring('armour is taken off, and its checksum is looked at', ({ armoured, binary }) => {
  const text = Buffer.from(armoured).toString()
  assert.equal(Buffer.from(dearmor(text) ?? []), Buffer.from(binary))
  assert.is(armouredBlocks(`before\n${text}\nafter`)[0]?.label, 'PUBLIC KEY BLOCK')
  assert.is(dearmor(text.replace(/\n=(....)\n/, '\n=AAAA\n')), null)
  assert.is(dearmor('no armour'), null)
  assert.equal(Buffer.from(dearmor(text.replaceAll('\n', '\r\n')) ?? []), Buffer.from(binary))
})

keyring.run()
