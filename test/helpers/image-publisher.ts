import { readdir, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type Publisher, publishers } from '../../pipeline/core/publishers.ts'
import type { World } from '../../pipeline/ports/world.ts'

export const imageName = 'ubuntu-24.04-server-cloudimg-amd64.img'

/** When the tests with images take place. */
export const imageDay = new Date('2026-11-22T12:00:00Z')

export interface BuildOptions {
  /** When its checksums were signed; the noon of its day when left out. */
  readonly signed?: Date
  /** Signs with the key that is not pinned. */
  readonly stranger?: boolean
  readonly unsigned?: boolean
  readonly digest?: 'SHA512' | 'SHA1'
  readonly algorithm?: 'sha256' | 'sha512'
  /** Size of the disk, as qemu-img takes it. */
  readonly size?: string
  /** Makes the image at this path instead of an empty qcow2. */
  readonly make?: (path: string) => Promise<void>
  readonly name?: string
}

export interface TestPublisher {
  /** Canonical's row of the table, with a key of the test's instead of Canonical's. */
  readonly publisher: Publisher
  /** Folder with the public key. */
  readonly keys: string
  /** Folder that stands for the publisher's host. */
  readonly mirror: string
  /** Publishes a build, e.g. 20261110, and returns its folder. */
  build(date: string, options?: BuildOptions): Promise<string>
  /** Signs the checksums of a folder anew. */
  sign(folder: string, options?: BuildOptions): Promise<void>
}

/** A publisher in a folder, with real keys of GnuPG, real signatures and real images. */
export async function testPublisher(world: World, folder: string): Promise<TestPublisher> {
  const home = join(folder, 'gnupg')
  const mirror = join(folder, 'publisher')
  const keys = join(folder, 'keys')
  await world.files.makeFolder(home, { mode: 0o700 })
  await world.files.makeFolder(mirror)
  const gpg = async (...args: readonly string[]): Promise<string> => {
    const argv = [
      'gpg',
      '--homedir',
      home,
      '--batch',
      '--quiet',
      '--passphrase',
      '',
      '--pinentry-mode',
      'loopback',
    ]
    return (await world.exec.run([...argv, ...args], { timeoutMs: 60_000 })).stdout
  }
  const at = (when: Date): string => `--faked-system-time=${Math.floor(when.getTime() / 1000)}!`
  const made = new Date('2026-01-01T00:00:00Z')
  const fingerprints: string[] = []
  for (const name of ['publisher', 'stranger']) {
    await gpg(at(made), '--quick-gen-key', `${name} <${name}@example.invalid>`, 'ed25519', 'sign', 'never')
    const listed = await gpg('--with-colons', '--list-keys', `${name}@example.invalid`)
    fingerprints.push(/^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '')
  }
  const [own = '', stranger = ''] = fingerprints
  await world.files.write(join(keys, `${own}.asc`), await gpg('--armor', '--export', own))
  await world.exec.run(['gpgconf', '--homedir', home, '--kill', 'gpg-agent'], { ok: 'any' })
  const [canonical] = publishers
  if (canonical?.id !== 'canonical') throw new Error('the table of publishers has moved')
  const key = { fingerprint: own, name: 'a key of this test', origin: 'made by this test' }
  const sign: TestPublisher['sign'] = async (where, options = {}) => {
    const sums = join(where, 'SHA256SUMS')
    await world.files.remove(`${sums}.gpg`)
    if (options.unsigned === true) return
    const date = /release-(\d{4})(\d\d)(\d\d)$/.exec(where)?.slice(1).join('-') ?? ''
    const when = options.signed ?? new Date(`${date}T12:00:00Z`)
    const by = options.stranger === true ? stranger : own
    const hash = ['--digest-algo', options.digest ?? 'SHA512', '--allow-weak-digest-algos']
    await gpg(
      at(when),
      ...hash,
      '--local-user',
      by,
      '--armor',
      '--output',
      `${sums}.gpg`,
      '--detach-sign',
      sums,
    )
    await world.exec.run(['gpgconf', '--homedir', home, '--kill', 'gpg-agent'], { ok: 'any' })
  }
  return {
    publisher: { ...canonical, title: 'the publisher of this test', keys: [key] },
    keys,
    mirror,
    sign,
    async build(date, options = {}) {
      const where = join(mirror, 'releases/noble', `release-${date}`)
      await world.files.makeFolder(where)
      const name = options.name ?? imageName
      const image = join(where, name)
      if (options.make !== undefined) await options.make(image)
      else await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', image, options.size ?? '1G'])
      const tool = options.algorithm === 'sha512' ? 'sha512sum' : 'sha256sum'
      // Each build has bytes of its own, as a real one has.
      if (options.make === undefined)
        await world.exec.run([
          'qemu-io',
          '-f',
          'qcow2',
          '-c',
          `write -q -P ${Number(date) % 250} 0 64k`,
          image,
        ])
      const { stdout } = await world.exec.run([tool, '--binary', image])
      await world.files.write(
        join(where, 'SHA256SUMS'),
        `${'0'.repeat(64)} *other.img\n${stdout.replace(image, name)}`,
      )
      await sign(where, options)
      return where
    },
  }
}

/** Serves a folder with listings, as a publisher's host does. */
export async function serveFolder(
  folder: string,
): Promise<{ readonly url: string; readonly asked: readonly string[]; close(): Promise<void> }> {
  const asked: string[] = []
  const answer = async (path: string): Promise<Buffer | null> => {
    const whole = join(folder, path)
    const info = await stat(whole).catch(() => null)
    if (info === null) return null
    if (!info.isDirectory()) return readFile(whole)
    const names = await readdir(whole, { withFileTypes: true })
    const rows = names.map(
      (item) => `<a href="${item.name}${item.isDirectory() ? '/' : ''}">${item.name}</a>`,
    )
    return Buffer.from(`<html><a href="../">up</a> <a href="?C=N">Name</a>\n${rows.join('\n')}</html>`)
  }
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    asked.push(path)
    void answer(path).then((body) => response.writeHead(body === null ? 404 : 200).end(body ?? 'not found'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
