import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join, normalize } from 'node:path'
import type { Exec } from '../../pipeline/ports/exec.ts'

export interface TeamRepo {
  /** http://127.0.0.1:PORT/debian */
  readonly url: string
  /** The armoured public key that signs it. */
  readonly key: string
  /** Paths that were asked for. */
  readonly asked: readonly string[]
  close(): Promise<void>
}

/** A package with one program in it, made by dpkg-deb. */
async function buildPackage(exec: Exec, folder: string, name: string, version: string): Promise<string> {
  const tree = join(folder, 'tree')
  const write = async (path: string, text: string, mode: number): Promise<void> => {
    await mkdir(dirname(join(tree, path)), { recursive: true })
    await writeFile(join(tree, path), text, { mode })
  }
  await write(
    'DEBIAN/control',
    `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: Corp <team@corp.example>\nDescription: agent of the tests\n`,
    0o644,
  )
  await write(`usr/bin/${name}`, `#!/bin/sh\necho "${name} ${version}"\n`, 0o755)
  const path = join(folder, `${name}_${version}_all.deb`)
  await exec.run(['dpkg-deb', '--root-owner-group', '--build', tree, path])
  return path
}

/**
 * A small signed apt repository (suite trixie, component main) with the package corp-agent 1.0, served on the loopback. The key
 * is made for it and ends with it.
 */
export async function serveTeamRepo(exec: Exec, folder: string): Promise<TeamRepo> {
  const root = join(folder, 'www')
  const home = join(folder, 'gpg')
  const dist = join(root, 'debian/dists/trixie')
  const pool = join(root, 'debian/pool')
  await mkdir(home, { recursive: true, mode: 0o700 })
  await mkdir(join(dist, 'main/binary-amd64'), { recursive: true })
  await mkdir(pool, { recursive: true })
  const deb = await buildPackage(exec, folder, 'corp-agent', '1.0')
  const bytes = await readFile(deb)
  await writeFile(join(pool, 'corp-agent_1.0_all.deb'), bytes)

  const sha256 = async (path: string): Promise<string> =>
    (await exec.run(['sha256sum', path])).stdout.slice(0, 64)
  const control = (await exec.run(['dpkg-deb', '--field', deb])).stdout.trimEnd()
  const packages = join(dist, 'main/binary-amd64/Packages')
  await writeFile(
    packages,
    `${control}\nFilename: pool/corp-agent_1.0_all.deb\nSize: ${bytes.length}\nSHA256: ${await sha256(deb)}\n\n`,
  )
  const size = (await readFile(packages)).length
  const release = join(folder, 'Release')
  await writeFile(
    release,
    `Origin: Corp\nLabel: Corp\nSuite: trixie\nCodename: trixie\nDate: ${new Date().toUTCString()}\nArchitectures: amd64 all\nComponents: main\nSHA256:\n ${await sha256(packages)} ${size} main/binary-amd64/Packages\n`,
  )
  const gpg = async (...args: string[]): Promise<string> =>
    (await exec.run(['gpg', '--homedir', home, '--batch', '--quiet', '--yes', ...args])).stdout
  await gpg('--passphrase', '', '--quick-gen-key', 'Corp test repository', 'ed25519', 'sign', 'never')
  await gpg('--clearsign', '--output', join(dist, 'InRelease'), release)
  const key = await gpg('--armor', '--export')
  await exec.run(['gpgconf', '--homedir', home, '--kill', 'all'], { ok: 'any' })

  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    const path = normalize(decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/'))
    asked.push(path)
    readFile(join(root, path)).then(
      (body) => response.end(body),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/debian`,
    key,
    asked,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
