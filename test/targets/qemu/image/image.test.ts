import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Publisher, publishers } from '../../../../pipeline/core/publishers.ts'
import { type ErrorCode, MintmarkError } from '../../../../pipeline/errors.ts'
import { type ImageBase, ImageLock } from '../../../../pipeline/model/base.ts'
import { Definition } from '../../../../pipeline/model/definition.ts'
import type { World } from '../../../../pipeline/ports/world.ts'
import { lockImage } from '../../../../pipeline/targets/qemu/image/lock-image.ts'
import { resolveImage } from '../../../../pipeline/targets/qemu/image/resolve-image.ts'
import {
  imageDay,
  imageName,
  serveFolder,
  type TestPublisher,
  testPublisher,
} from '../../../helpers/image-publisher.ts'
import { testWorld } from '../../../helpers/world.ts'

// Real keys, signatures and images; only the publisher's host is a folder of the test's.
const images = suite('official images')

const definitionOf = (base: object = { from: 'image' }, family = 'ubuntu', release = '24.04'): Definition =>
  Definition.parse({
    schema: 1,
    owner: 'team-platform',
    os: { family, release, arch: ['x86_64'] },
    base,
    hardening: { profiles: ['baseline'] },
    targets: { qemu: {} },
  })

interface Bench {
  readonly world: World
  readonly folder: string
  readonly host: TestPublisher
  lock(earlier?: ImageLock | null, more?: Partial<Use>): Promise<ImageLock>
  resolve(lock: ImageLock, more?: Partial<Use>): Promise<ImageBase>
}

interface Use {
  readonly world: World
  readonly definition: Definition
  readonly publishers: readonly Publisher[]
  readonly keys: string | undefined
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const test = await testWorld({ now: imageDay })
  try {
    const host = await testPublisher(test.world, test.folder)
    const world: World = {
      ...test.world,
      env: { ...test.world.env, MINTMARK_IMAGE_MIRROR: host.mirror, TMPDIR: test.folder },
    }
    const use: Use = { world, definition: definitionOf(), publishers: [host.publisher], keys: host.keys }
    const step = { update: () => undefined }
    await work({
      world,
      folder: test.folder,
      host,
      lock: (earlier = null, more = {}) => lockImage({ ...use, image: 'web', step, earlier, ...more }),
      resolve: (lock, more = {}) => resolveImage({ ...use, image: 'web', step, lock, ...more }),
    })
    const left = (await world.files.list(test.folder)).filter((name) => name.startsWith('mintmark-'))
    assert.equal(left, [], 'no scratch is left')
    assert.equal(
      (await world.files.list(world.places.bases)).filter((name) => name.endsWith('.tmp')),
      [],
    )
  } finally {
    await test.close()
  }
}

async function refused(
  work: Promise<unknown>,
  say: string | RegExp,
  code: ErrorCode = 'BASE_REFUSED',
): Promise<void> {
  try {
    await work
  } catch (error) {
    assert.instance(error, MintmarkError)
    const { message, code: found, hint } = error as MintmarkError
    assert.is(found, code, message)
    assert.match(message, say)
    assert.ok(hint.length > 0)
    return
  }
  assert.unreachable(`not refused: ${say}`)
}

images('the newest build is pinned with its evidence, and used byte for byte', () =>
  withBench(async ({ world, host, lock, resolve }) => {
    await host.build('20261101')
    const newest = await host.build('20261110')
    const pinned = await lock()
    assert.is(pinned.url, `https://cloud-images.ubuntu.com/releases/noble/release-20261110/${imageName}`)
    assert.is(pinned.sha256, await world.files.sha256(join(newest, imageName)))
    assert.is(pinned.checksums?.sha256, await world.files.sha256(join(newest, 'SHA256SUMS')))
    assert.is(pinned.signature?.fingerprint, host.publisher.keys[0]?.fingerprint)
    assert.equal(
      [pinned.built, pinned.signature?.made, pinned.codename],
      ['2026-11-10T00:00:00.000Z', '2026-11-10T12:00:00.000Z', 'noble'],
    )
    assert.not.match(JSON.stringify(pinned), host.mirror)
    const base = await resolve(pinned)
    assert.is(await world.files.sha256(base.disk.path), pinned.sha256)
    assert.equal([base.from, base.version, base.disk.virtualBytes], ['image', '24.04-20261110', 2 ** 30])
    // What is pinned is taken again though the publisher has moved on and can no longer be reached.
    await world.files.remove(host.mirror)
    assert.equal(await resolve(pinned), base)
  }),
)

images('over http, by the listing of a web server', () =>
  withBench(async ({ world, host, lock, resolve }) => {
    await host.build('20261101')
    await host.build('20261110')
    const server = await serveFolder(host.mirror)
    try {
      const there = { world: { ...world, env: { ...world.env, MINTMARK_IMAGE_MIRROR: `${server.url}/` } } }
      const pinned = await lock(null, there)
      assert.match(pinned.url ?? '', 'https://cloud-images.ubuntu.com/releases/noble/release-20261110/')
      assert.equal(
        server.asked.filter((path) => path.includes('20261101')),
        [],
      )
      await world.files.remove(join(world.places.bases, pinned.sha256))
      await resolve(pinned, there)
      // Changed after the checksums were signed.
      await world.files.remove(join(world.places.bases, pinned.sha256))
      await world.files.write(
        join(host.mirror, 'releases/noble/release-20261110', imageName),
        'another image',
      )
      await refused(resolve(pinned, there), 'is not what was signed')
      await world.files.remove(join(host.mirror, 'releases/noble/release-20261110/SHA256SUMS.gpg'))
      await refused(lock(null, there), 'there is no SHA256SUMS.gpg')
    } finally {
      await server.close()
    }
  }),
)

images('one changed byte: in the image, in the checksum file, in the cache', () =>
  withBench(async ({ world, host, lock, resolve }) => {
    const folder = await host.build('20261110')
    const pinned = await lock()
    const image = join(folder, imageName)
    const bytes = Buffer.from(await world.files.readBytes(image))
    bytes[bytes.length - 1] = 1 ^ (bytes[bytes.length - 1] ?? 0)
    await world.files.write(image, bytes)
    assert.is((await resolve(pinned)).id, pinned.sha256, 'the cache has what was signed')
    await world.files.write(join(world.places.bases, pinned.sha256, 'disk.qcow2'), bytes)
    await refused(resolve(pinned), `sha256:${pinned.sha256} is pinned`)
    await refused(lock(), 'is pinned')
    const sums = join(folder, 'SHA256SUMS')
    const text = await world.files.readText(sums)
    await world.files.write(sums, text.replace('other.img', 'othes.img'))
    await refused(lock(), 'the signature does not fit SHA256SUMS')
  }),
)

images('another key, no signature, a weak hash, a changed key file', () =>
  withBench(async ({ world, host, lock, folder }) => {
    const build = await host.build('20261110', { stranger: true })
    await refused(lock(), /not signed by a pinned key of the publisher of this test: by [0-9A-F]{40}/)
    await host.sign(build, { unsigned: true })
    await refused(lock(), 'there is no SHA256SUMS.gpg')
    await host.sign(build, { digest: 'SHA1' })
    await refused(lock(), 'signed with a weak hash')
    await host.sign(build)
    await lock()
    const [name = ''] = await world.files.list(host.keys)
    const [canonical = ''] = publishers[0]?.keys.map((key) => key.fingerprint) ?? []
    const real = join(world.places.root, 'pipeline/targets/qemu/image/keys', `${canonical}.asc`)
    const swapped = join(folder, 'swapped')
    await world.files.write(join(swapped, name), await world.files.readBytes(real))
    await refused(lock(null, { keys: swapped }), 'is not the pinned key')
  }),
)

images('a build of somebody else is not Canonical’s', () =>
  withBench(async ({ lock, host }) => {
    // A build that Canonical has not signed, against Canonical's own pinned key.
    await host.build('20261110')
    await refused(lock(null, { publishers, keys: undefined }), 'not signed by a pinned key of Canonical')
  }),
)

images('older than the lock, an old build under a new name, too old, from the future', () =>
  withBench(async ({ world, host, lock, resolve }) => {
    await host.build('20261110')
    const pinned = await lock()
    await world.files.remove(host.mirror)
    await host.build('20261101')
    await refused(lock(pinned), `older than what the lock pins, ${imageName} of 2026-11-10`)
    // Signed anew, an old build is still old.
    await host.sign(join(host.mirror, 'releases/noble/release-20261101'), {
      signed: new Date('2026-11-20T12:00:00Z'),
    })
    await refused(lock(pinned), 'older than what the lock pins')
    const renamed = await host.build('20261115', { signed: new Date('2026-11-01T12:00:00Z') })
    await refused(lock(pinned), 'an older build under a newer name')
    await host.sign(renamed)
    const moved = await lock(pinned)
    assert.is(moved.built, '2026-11-15T00:00:00.000Z')
    const tight = { definition: definitionOf({ from: 'image', maxAge: '7d' }) }
    await refused(lock(null, tight), '7 days old, older than 7d', 'BASE_REFUSED')
    const late = {
      world: { ...world, clock: { ...world.clock, now: () => new Date('2027-02-14T00:00:01Z') } },
    }
    await refused(resolve(moved, late), '91 days old, older than 90d')
    await refused(lock(null, late), '91 days old, older than 90d')
    await host.build('20261201', { signed: new Date('2026-12-01T12:00:00Z') })
    await refused(lock(), "more than a day after this machine's clock")
  }),
)

images('families without a pinned key, and those that nobody knows', () =>
  withBench(async ({ lock, resolve, host }) => {
    const of = (family: string, release: string) => ({
      definition: definitionOf(undefined, family, release),
      publishers,
    })
    await refused(lock(null, of('debian', '13')), 'no pinned key of the publisher: Debian cloud team')
    await refused(lock(null, of('amazon-linux', '2023')), 'no pinned key of the publisher: Amazon')
    await refused(lock(null, of('ubuntu', '18.04')), 'not known for ubuntu 18.04')
    await refused(lock(null, { ...of('rocky', '9'), keys: undefined }), 'CHECKSUM', 'PROVIDER_UNREACHABLE')
    await refused(
      lock(null, { definition: definitionOf(undefined, 'rocky', '9') }),
      'no publisher of images of rocky is known',
    )
    await host.build('20261110')
    const pinned = await lock()
    await refused(resolve({ ...pinned, publisher: 'evil' }), 'the publisher "evil", which is not known')
    await refused(resolve(pinned, { publishers }), 'no pinned key of Canonical')
    await refused(resolve({ ...pinned, signature: null }), 'was signed by nobody')
    await refused(
      resolve({ ...pinned, url: 'https://evil.example/releases/noble/x.img' }),
      'is not below https://cloud-images.ubuntu.com',
    )
    await refused(resolve({ ...pinned, name: 'x.img' }), 'pins the name "x.img"')
  }),
)

images('a floating name is in no lock and in no row of the table', () =>
  withBench(async ({ host, lock }) => {
    await host.build('20261110')
    const pinned = await lock()
    for (const url of [
      `https://cloud-images.ubuntu.com/releases/noble/release/${imageName}`,
      'https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img',
      'https://dl.rockylinux.org/pub/rocky/9/images/x86_64/Rocky-9-GenericCloud-Base.latest.x86_64.qcow2',
    ])
      assert.not.ok(ImageLock.safeParse({ ...pinned, url }).success, url)
    assert.not.ok(ImageLock.safeParse({ ...pinned, name: 'debian-latest.qcow2' }).success)
    assert.ok(ImageLock.safeParse(pinned).success)
    for (const publisher of publishers) {
      for (const [release, codename] of Object.entries(publisher.releases)) {
        const { index, name } = publisher.builds({ release, codename, arch: 'x86_64' })
        assert.not.match(`${publisher.host}${index} ${name.source}`, /latest|current/)
        assert.not.ok(name.test('Rocky-9-GenericCloud-Base.latest.x86_64.qcow2'))
      }
    }
  }),
)

images('a disk that is no qcow2 by itself, or too large', () =>
  withBench(async ({ world, host, lock, folder }) => {
    await host.build('20261110', { make: (path) => world.files.write(path, 'no image at all') })
    await refused(lock(), `${imageName} is no qcow2`)
    await host.build('20261111', { size: '5G' })
    await refused(lock(), "a disk of 5.0 GiB, the definition's is 4G")
    const under = join(folder, 'under.qcow2')
    await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', under, '1G'])
    const backed = ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', under]
    await host.build('20261112', { make: async (path) => void (await world.exec.run([...backed, path])) })
    await refused(lock(), 'stands on another file')
    const data = `data_file=${join(folder, 'data.raw')},data_file_raw=on`
    const apart = ['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', data]
    await host.build('20261113', {
      make: async (path) => void (await world.exec.run([...apart, path, '1G'])),
    })
    await refused(lock(), 'keeps its data in another file')
  }),
)

images('a publisher that gives sha512 only', () =>
  withBench(async ({ world, host, lock, resolve }) => {
    const folder = await host.build('20261110', { algorithm: 'sha512' })
    const use = { publishers: [{ ...host.publisher, algorithm: 'sha512' as const }] }
    const pinned = await lock(null, use)
    assert.is(pinned.sha256, await world.files.sha256(join(folder, imageName)))
    assert.is(pinned.sha512?.length, 128)
    assert.is((await resolve(pinned, use)).id, pinned.sha256)
    await world.files.write(join(folder, imageName), 'another')
    await refused(lock(null, use), 'its sha512 is another one')
  }),
)

images("a file of the team's own: pinned, signed by nobody, and never changed unseen", () =>
  withBench(async ({ world, folder, lock, resolve }) => {
    const file = join(folder, 'own-2026-11.qcow2')
    await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', file, '1G'])
    await world.exec.run(['touch', '-d', '2026-11-20T00:00:00Z', file])
    const use = { definition: definitionOf({ from: 'image', file }) }
    const pinned = await lock(null, use)
    assert.equal(
      [pinned.publisher, pinned.signature, pinned.url, pinned.built],
      ['local', null, null, '2026-11-20T00:00:00.000Z'],
    )
    const base = await resolve(pinned, use)
    assert.is(base.signature, null)
    await world.exec.run(['qemu-io', '-f', 'qcow2', '-c', 'write -q 0 64k', file])
    await refused(resolve(pinned, use), `and sha256:${pinned.sha256} is pinned`)
    await world.files.remove(file)
    await refused(resolve(pinned, use), 'there is no file', 'NOT_FOUND')
  }),
)

images('a mirror setting that is neither an address nor a path', () =>
  withBench(async ({ world, lock }) => {
    for (const value of ['mirror', 'ftp://mirror.example', 'https://me:secret@mirror.example'])
      await refused(
        lock(null, { world: { ...world, env: { ...world.env, MINTMARK_IMAGE_MIRROR: value } } }),
        /^(?!.*secret)MINTMARK_IMAGE_MIRROR is/,
        'CONFIG_INVALID',
      )
  }),
)

images.run()
