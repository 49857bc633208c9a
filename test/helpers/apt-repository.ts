import { join } from 'node:path'
import { sha256 } from '../../pipeline/core/digest.ts'
import type { World } from '../../pipeline/ports/world.ts'

export interface AptRepository {
  /** The public key, armoured. */
  readonly key: string
  /** Path below the repository's URL -> bytes, of one suite `stable` with these packages. */
  files(packages: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, Buffer>>
}

/** An apt repository that gpg signs with a key made for it; the indices are packed by xz. */
export async function aptRepository(world: World, folder: string): Promise<AptRepository> {
  const home = join(folder, 'gpg')
  await world.files.makeFolder(home, { mode: 0o700 })
  const gpg = ['gpg', '--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', '']
  await world.exec.run([...gpg, '--quick-generate-key', 'corp', 'ed25519', 'sign', 'never'])
  const { stdout: key } = await world.exec.run([...gpg, '--armor', '--export', 'corp'])
  const files = async (packages: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, Buffer>> => {
    const text = Object.entries(packages)
      .map(([name, version]) => `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\n`)
      .join('\n')
    const plain = join(folder, 'Packages')
    await world.files.write(plain, text)
    await world.exec.run(['xz', '--keep', '--force', plain])
    const packed = Buffer.from(await world.files.readBytes(`${plain}.xz`))
    const path = 'main/binary-amd64/Packages'
    const line = (bytes: Uint8Array | string, name: string): string =>
      ` ${sha256(bytes)} ${Buffer.byteLength(bytes)} ${name}`
    const release = join(folder, 'Release')
    const fields = ['Origin: corp', 'Suite: stable', 'Date: Sun, 22 Nov 2026 00:00:00 UTC', 'SHA256:']
    await world.files.write(
      release,
      `${[...fields, line(text, path), line(packed, `${path}.xz`)].join('\n')}\n`,
    )
    await world.files.remove(`${release}.asc`)
    await world.exec.run([...gpg, '--clearsign', release])
    return new Map([
      ['dists/stable/InRelease', Buffer.from(await world.files.readBytes(`${release}.asc`))],
      [`dists/stable/main/binary-amd64/by-hash/SHA256/${sha256(packed)}`, packed],
    ])
  }
  return { key, files }
}
