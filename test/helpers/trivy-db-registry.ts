import { createHash } from 'node:crypto'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { unpackedProgram } from '../../pipeline/ports/install-tools.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { checkout } from './world.ts'

export const fixtureDb = join(checkout, 'test/fixtures/trivy-db')
/** A day older: of openssh it lacks one advisory, one has no fix yet, and one is withdrawn later. */
export const earlierDb = join(checkout, 'test/fixtures/trivy-db-before')

/** The fixture's advisories are real and few; its date is made today's, or the gate would rightly call it stale. @returns its folder */
export async function datedDb(folder: string, of = fixtureDb): Promise<string> {
  const database = join(folder, 'database')
  await cp(of, database, { recursive: true })
  const metadata = join(database, 'metadata.json')
  const dated = { ...JSON.parse(await readFile(metadata, 'utf8')), UpdatedAt: new Date().toISOString() }
  await writeFile(metadata, JSON.stringify(dated))
  return database
}

export interface Registry {
  /** host:port on the loopback. */
  readonly host: string
  /** Puts a vulnerability database there, as Trivy expects it. @returns the manifest's digest, sha256:... */
  push(repository: string, tag: string, database: string): Promise<string>
  /** user:password; the registry asks for it when it was started so. */
  readonly login: string
  stop(): Promise<void>
}

/** bcrypt of the password, which the registry's htpasswd file wants. */
const login = {
  user: 'reader',
  password: 'swordfish',
  hash: '$2b$05$abcdefghijklmnopqrstuupWDwJQeCHYIBQy8WvkVB6ImhZ476YYy',
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

const digestOf = (content: Uint8Array): string =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`

async function answered(response: Response): Promise<Response> {
  if (!response.ok) throw new Error(`${response.status} from ${response.url}: ${await response.text()}`)
  return response
}

async function pushBlob(base: string, content: Uint8Array): Promise<{ digest: string; size: number }> {
  const digest = digestOf(content)
  const begun = await answered(await fetch(`${base}/blobs/uploads/`, { method: 'POST' }))
  const url = new URL(begun.headers.get('location') ?? '', base)
  url.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream' }
  await answered(await fetch(url, { method: 'PUT', body: Buffer.from(content), headers }))
  return { digest, size: content.byteLength }
}

/** The world of somebody who ran `skopeo login` there. */
export async function loggedIn(
  world: World,
  folder: string,
  registry: Registry,
  password?: string,
): Promise<World> {
  const [user] = registry.login.split(':')
  const path = join(folder, password === undefined ? 'auth.json' : 'other-auth.json')
  const auth = Buffer.from(password === undefined ? registry.login : `${user}:${password}`).toString('base64')
  await world.files.write(path, JSON.stringify({ auths: { [registry.host]: { auth } } }), { mode: 0o600 })
  return { ...world, env: { ...world.env, REGISTRY_AUTH_FILE: path } }
}

/** A real registry (Debian's docker-registry) on 127.0.0.1, with all its data below `folder`. */
export async function startRegistry(
  world: World,
  folder: string,
  options: {
    readonly login?: boolean
    readonly deletes?: boolean
    /** Where an earlier one was. */
    readonly host?: string
  } = {},
): Promise<Registry> {
  const port = options.host === undefined ? await freePort() : Number(options.host.split(':')[1])
  const program =
    (await world.exec.which('docker-registry')) ?? unpackedProgram(world.places, 'docker-registry')
  const config = join(folder, 'registry.yml')
  const htpasswd = join(folder, 'htpasswd')
  await world.files.write(htpasswd, `${login.user}:${login.hash}\n`)
  const asks = options.login === true
  await world.files.write(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: 'error' },
      storage: {
        filesystem: { rootdirectory: join(folder, 'registry') },
        delete: { enabled: options.deletes === true },
      },
      ...(asks ? { auth: { htpasswd: { realm: 'test', path: htpasswd } } } : {}),
      http: { addr: `127.0.0.1:${port}` },
    }),
  )
  const running = world.exec.start([program, 'serve', config], { leash: 'child' })
  const host = `127.0.0.1:${port}`
  for (let tries = 0; ; tries += 1) {
    try {
      const answer = await fetch(`http://${host}/v2/`)
      if (!(asks && answer.status === 401)) await answered(answer)
      break
    } catch (cause) {
      if (tries === 150) throw cause
      await world.clock.sleep(100)
    }
  }
  return {
    host,
    async push(repository, tag, database) {
      const base = `http://${host}/v2/${repository}`
      const archive = join(folder, `${tag}.tar.gz`)
      await world.exec.run(['tar', '-C', database, '-czf', archive, 'trivy.db', 'metadata.json'])
      const layer = await pushBlob(base, await world.files.readBytes(archive))
      const empty = await pushBlob(base, Buffer.from('{}'))
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.aquasec.trivy.config.v1+json', ...empty },
        layers: [
          {
            mediaType: 'application/vnd.aquasec.trivy.db.layer.v1.tar+gzip',
            ...layer,
            annotations: { 'org.opencontainers.image.title': 'db.tar.gz' },
          },
        ],
      })
      const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
      await answered(await fetch(`${base}/manifests/${tag}`, { method: 'PUT', body: manifest, headers }))
      return digestOf(Buffer.from(manifest))
    },
    login: `${login.user}:${login.password}`,
    async stop() {
      running.kill()
      await running.done
    },
  }
}
