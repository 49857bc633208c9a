import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostKeysOnConsole, strangeHostKeys } from '../../pipeline/core/host-keys.ts'

const hostKeys = suite('host keys on a console')

const ed25519 = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'Q'.repeat(43)}`
const nistp = `ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABB${'A'.repeat(88)}`
const block = (...rows: readonly string[]): string =>
  [
    '-----BEGIN SSH HOST KEY KEYS-----',
    ...rows.map((row) => `${row} root@ip-10-0-0-9`),
    '-----END SSH HOST KEY KEYS-----',
  ].join('\r\n')

hostKeys('those of the last boot, without the comment', () => {
  const old = block(ed25519.replaceAll('Q', 'R'))
  const text = `[  9.1] cloud-init\r\n${old}\r\nlogin:\r\n${block(nistp, ed25519)}\r\nlogin: `
  assert.equal(hostKeysOnConsole(text), [nistp, ed25519])
})

hostKeys('a console without them, or with half of them, has none', () => {
  assert.equal(hostKeysOnConsole(''), [])
  assert.equal(hostKeysOnConsole('debian login: '), [])
  assert.equal(hostKeysOnConsole(block(ed25519).replace(/-----END.*$/, '')), [])
})

hostKeys('a line that the kernel wrote into, or whose bytes are of another type, is no key', () => {
  const torn = `ssh-ed25519 AAAAC3NzaC1lZDI1[   12.3] random: crng init done NTE5AAAAI${'Q'.repeat(43)}`
  const other = ed25519.replace('ssh-ed25519', 'ssh-rsa')
  assert.equal(hostKeysOnConsole(block(torn, other, ed25519)), [ed25519])
})

hostKeys('a key that was seen and that the console does not have is strange', () => {
  const known = `i-1 ${ed25519}\ni-1 ${nistp}\n`
  assert.equal(strangeHostKeys(known, [ed25519, nistp]), [])
  assert.equal(strangeHostKeys(known, [ed25519]), [nistp])
  assert.equal(strangeHostKeys('', [ed25519]), [])
})

hostKeys.run()
