import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checksumOf, checksumsIn } from '../../pipeline/core/checksum-file.ts'
import {
  checkSignature,
  dayOf,
  mirrored,
  mirrorSettingOf,
  namesInIndex,
  newestBuild,
} from '../../pipeline/core/image-evidence.ts'
import { dearmor } from '../../pipeline/core/openpgp-armor.ts'
import { certificatesOf } from '../../pipeline/core/openpgp-keyring.ts'
import { placeOf } from '../../pipeline/core/place-of.ts'
import { publishers } from '../../pipeline/core/publishers.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { pathsBelow, textOf } from '../helpers/sources.ts'

const evidence = suite('evidence of images')

const refuses = (work: () => unknown, say: string): void =>
  assert.throws(work, (error: unknown) => error instanceof MintmarkError && error.message.includes(say))

const a = 'a'.repeat(64)
const b = 'b'.repeat(64)

evidence('checksum files as sha256sum writes them, and with --tag', () => {
  const text = `# x.img: 12 bytes\nSHA256 (x.img) = ${a}\n${b} *y.img\n${a}  z.img\nSHA512 (x.img) = ${b}${b}\n${a} * w.img\n`
  assert.equal(checksumsIn(text, 'sha256'), [
    { name: 'x.img', digest: a },
    { name: 'y.img', digest: b },
    { name: 'z.img', digest: a },
  ])
  assert.is(checksumOf(text, 'sha256', 'y.img', 'SUMS'), b)
  assert.is(checksumOf(text, 'sha512', 'x.img', 'SUMS'), `${b}${b}`)
  refuses(() => checksumOf(text, 'sha256', 'x.im', 'SUMS'), 'SUMS has no sha256 of x.im')
  refuses(() => checksumOf(`${a} *x.img\n${b} *x.img\n`, 'sha256', 'x.img', 'SUMS'), '2 different digests')
})

evidence('the newest build is chosen by its date, never by another name', () => {
  const [canonical, rocky] = publishers
  const folder = canonical?.builds({ release: '24.04', codename: 'noble', arch: 'x86_64' }).folder
  assert.ok(folder)
  const names = [
    'release',
    'release-20261101',
    'release-20260926',
    'release-20261101.1',
    'release-2026',
    'streams',
  ]
  assert.is(newestBuild(names, folder), 'release-20261101.1')
  assert.is(newestBuild(['release', 'current'], folder), null)
  const name = rocky?.builds({ release: '9', codename: null, arch: 'x86_64' }).name
  assert.ok(name)
  assert.is(
    newestBuild(
      [
        'Rocky-9-GenericCloud-Base.latest.x86_64.qcow2',
        'Rocky-9-GenericCloud-Base-9.7-20251123.2.x86_64.qcow2',
        'Rocky-9-GenericCloud-Base-9.8-20260525.0.x86_64.qcow2',
        'Rocky-9-GenericCloud-LVM-9.9-20261125.0.x86_64.qcow2',
        'Rocky-9-GenericCloud-Base-9.9-20261125.0.aarch64.qcow2',
      ],
      name,
    ),
    'Rocky-9-GenericCloud-Base-9.8-20260525.0.x86_64.qcow2',
  )
})

evidence('a listing names what it links to, and nothing elsewhere', () => {
  const html =
    '<a href="../">up</a><a href="?C=N;O=D">Name</a> <A class="x" HREF="release-20260926/">r</A><a href="https://evil.example/release-20991231/">e</a><a href="./SHA256SUMS">s</a>'
  assert.equal(namesInIndex(html), ['release-20260926', 'SHA256SUMS'])
})

evidence('days, mirrors and their settings', () => {
  assert.is(dayOf('20260926'), '2026-09-26T00:00:00.000Z')
  refuses(() => dayOf('20260931'), 'is no date')
  assert.is(mirrored('https://h.example/a/b', 'https://h.example', null), 'https://h.example/a/b')
  assert.is(mirrored('https://h.example/a/b', 'https://h.example', '/srv/m/'), '/srv/m/a/b')
  assert.is(
    mirrored('https://h.example/a/b', 'https://h.example', 'http://m.example/x'),
    'http://m.example/x/a/b',
  )
  assert.equal([mirrorSettingOf(undefined), mirrorSettingOf('')], [null, null])
  refuses(() => mirrorSettingOf('relative/path'), 'MINTMARK_IMAGE_MIRROR is "relative/path"')
  refuses(
    () => mirrorSettingOf('https://me:secret@m.example/x?token=secret'),
    'MINTMARK_IMAGE_MIRROR is "https://m.example"',
  )
})

const [canonical] = publishers
assert.ok(canonical)
const fingerprint = canonical.keys[0]?.fingerprint ?? ''

/** As gpgv says it, with the hash algorithm of the signature. */
const status = (hash: number, primary = fingerprint): string =>
  [
    '[GNUPG:] NEWSIG',
    `[GNUPG:] GOODSIG ${primary.slice(-16)} somebody`,
    `[GNUPG:] VALIDSIG ${primary} 2026-09-26 1790446992 0 4 0 1 ${hash} 00 ${primary}`,
  ].join('\n')

evidence('a signature counts by its pinned key and a strong hash', () => {
  assert.equal(checkSignature(status(10), 'SUMS', canonical).made, '2026-09-26T18:23:12.000Z')
  refuses(() => checkSignature(status(2), 'SUMS', canonical), 'signed with a weak hash (algorithm 2')
  refuses(() => checkSignature(status(10, 'A'.repeat(40)), 'SUMS', canonical), `by ${'A'.repeat(40)}`)
  refuses(() => checkSignature('', 'SUMS', canonical), 'by nobody')
  refuses(() => checkSignature('[GNUPG:] BADSIG 1A5D6C4C7DB87C81 x', 'SUMS', canonical), 'does not fit SUMS')
})

evidence('every pinned key is there, alone in its file, and no other', () => {
  const files = pathsBelow('pipeline/targets/qemu/image/keys', () => true)
  const pinned = publishers.flatMap((publisher) => publisher.keys)
  assert.equal(
    files.map((path) => path.split('/').at(-1)).sort(),
    pinned.map((key) => `${key.fingerprint}.asc`).sort(),
  )
  for (const path of files) {
    const certificates = certificatesOf(dearmor(textOf(path)) ?? new Uint8Array())
    assert.equal(
      certificates.map((item) => `${item.fingerprint}.asc`),
      [path.split('/').at(-1)],
    )
  }
  for (const { id, keys, signature, refused } of publishers)
    assert.ok(refused !== null ? keys.length === 0 : keys.length > 0 && signature !== null, id)
  assert.ok(pinned.every((key) => key.origin.startsWith('package ')))
})

evidence('armour comes off whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      const body = Buffer.from(bytes).toString('base64').replace(/.{64}/g, '$&\n')
      const text = `words before\n-----BEGIN PGP SIGNATURE-----\nComment: x\n\n${body}\n-----END PGP SIGNATURE-----\n`
      const found = dearmor(text)
      assert.equal(Buffer.from(found ?? []).toString('hex'), Buffer.from(bytes).toString('hex'))
    }),
  )
  assert.is(dearmor('no armour'), null)
})

evidence('the place of a field in a text', () => {
  const text = 'schema: 1\nos: {family: debian, release: "11"}\nbase:\n  image: corp\n'
  assert.equal(placeOf(text, ['os', 'release']), { line: 2, column: 31 })
  assert.equal(placeOf(text, ['base', 'image']), { line: 4, column: 10 })
  assert.equal(placeOf(text, ['base', 'channel']), { line: 4, column: 3 })
  assert.equal(placeOf(text, ['disk', 'size']), { line: 1, column: 1 })
})

evidence.run()
