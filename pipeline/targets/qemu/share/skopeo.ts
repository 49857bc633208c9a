import * as z from 'zod'
import { sha256 } from '../../../core/digest.ts'
import { parsedJson } from '../../../core/parsed-json.ts'
import { type ErrorCode, MintmarkError } from '../../../errors.ts'
import type { Finished } from '../../../ports/exec.ts'
import type { World } from '../../../ports/world.ts'

/** A repository of an OCI registry, as a principal names it. */
export interface Repository {
  /** HOST[:PORT]/REPOSITORY */
  readonly name: string
  readonly host: string
}

export function repositoryOf(principal: string): Repository {
  const name = principal.replace(/^oci:/, '')
  return { name, host: name.split('/')[0] ?? name }
}

/** How long a look may take; pushing an image may take longer. */
const lookMs = 60_000
const pushMs = 3600_000

/** Only this machine's own loopback is spoken to without TLS. */
const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3})(?::\d+)?$/.test(host)

/** What an image in a registry says of itself. */
const Inspected = z.object({
  Digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  Labels: z.record(z.string(), z.string()).nullish(),
})
export interface Inspected {
  readonly digest: string
  readonly labels: Readonly<Record<string, string>>
}

const TagList = z.object({ Tags: z.array(z.string()).nullable() })

/** Only what is said of a name, once the registry has answered as one: a 404 of whatever answers in its place is no such word. */
const isMissing = (stderr: string): boolean =>
  /manifest unknown|name unknown|repository name not known|fetching tags list: invalid status code from registry 404/.test(
    stderr,
  )

/** The end of what skopeo says, to follow a sentence. */
function shortly(stderr: string): string {
  const [, said] = /msg="(.*)"\s*$/.exec(stderr.trim()) ?? []
  return said === undefined ? '' : `: ${said.replaceAll('\\"', '"').slice(-160)}`
}

/** What a refusal of the registry means, and what helps. */
function refusal({ host, name }: Repository, stderr: string): MintmarkError {
  const details = [stderr.trim().split('\n').at(-1) ?? '']
  const error = (message: string, hint: string, code: ErrorCode = 'PROVIDER_REFUSED'): MintmarkError =>
    new MintmarkError(code, message, { hint, details, where: { registry: host } })
  if (/unauthorized|authentication required|\b401\b|denied|\b403\b|invalid username/i.test(stderr)) {
    return error(
      `the registry ${host} refuses the login for ${name}`,
      `skopeo login ${host} (it is kept in the file that REGISTRY_AUTH_FILE names), and look at what that login may do`,
    )
  }
  if (/server gave HTTP response to HTTPS client/i.test(stderr)) {
    return error(
      `the registry ${host} does not speak TLS`,
      'give it a certificate: without TLS only a registry on the loopback is spoken to',
    )
  }
  if (/x509|certificate/i.test(stderr)) {
    return error(
      `the certificate of the registry ${host} is not trusted`,
      `put its CA's certificate into /etc/containers/certs.d/${host}/ca.crt`,
    )
  }
  if (/\b405\b|UNSUPPORTED|operation is unsupported/.test(stderr)) {
    return error(
      `the registry ${host} does not let images be deleted (405)`,
      'turn it on there (REGISTRY_STORAGE_DELETE_ENABLED=true for the distribution registry), then run the same command again',
    )
  }
  return error(
    `the registry ${host} can't be reached${shortly(stderr)}`,
    'check the network and the registry, then run the same command again',
    'PROVIDER_UNREACHABLE',
  )
}

/**
 * Runs skopeo against a repository. Logins come from its own files alone: no argument holds one.
 * @throws MintmarkError TOOL_MISSING
 */
async function skopeo(world: World, argv: readonly string[], timeoutMs: number): Promise<Finished> {
  if ((await world.exec.which('skopeo')) === null) {
    throw new MintmarkError('TOOL_MISSING', 'skopeo is not on this machine', {
      hint: './mintmark setup --for share --yes',
    })
  }
  const named = ['REGISTRY_AUTH_FILE', 'DOCKER_CONFIG'].flatMap(
    (name): readonly (readonly [string, string])[] => {
      const value = world.env[name]
      return value === undefined ? [] : [[name, value]]
    },
  )
  return world.exec.run(['skopeo', ...argv], {
    ok: 'any',
    env: Object.fromEntries(named),
    timeoutMs,
    leash: 'child',
  })
}

/** Always said: left out, an "insecure" of this machine's registries.conf would decide. */
const tls = (flag: string, { host }: Repository): string => `--${flag}=${!isLoopback(host)}`

/** Tags of the repository; none when it is not there. @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE */
export async function listTags(world: World, repository: Repository): Promise<readonly string[]> {
  const argv = ['list-tags', tls('tls-verify', repository), `docker://${repository.name}`]
  const { code, stdout, stderr } = await skopeo(world, argv, lookMs)
  if (code !== 0 && isMissing(stderr)) return []
  const parsed = TagList.safeParse(code === 0 ? parsedJson(stdout) : null)
  if (!parsed.success) throw refusal(repository, stderr)
  return parsed.data.Tags ?? []
}

/**
 * What a tag (`:1.0.0`) or a digest (`@sha256:...`) of the repository is; null when it is not there.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function inspect(
  world: World,
  repository: Repository,
  which: string,
): Promise<Inspected | null> {
  const from = [tls('tls-verify', repository), `docker://${repository.name}${which}`]
  const { code, stdout, stderr } = await skopeo(world, ['inspect', '--no-tags', ...from], lookMs)
  if (code !== 0 && isMissing(stderr)) return null
  if (code !== 0 && /unsupported image-specific operation/.test(stderr)) {
    // Something that is no image at all: a chart, a database, a signature.
    const raw = await skopeo(world, ['inspect', '--raw', ...from], lookMs)
    if (raw.code !== 0) throw refusal(repository, raw.stderr)
    return { digest: `sha256:${sha256(raw.stdout)}`, labels: {} }
  }
  const parsed = Inspected.safeParse(code === 0 ? parsedJson(stdout) : null)
  if (!parsed.success) throw refusal(repository, stderr)
  return { digest: parsed.data.Digest, labels: parsed.data.Labels ?? {} }
}

/**
 * Pushes an OCI layout, or what the repository has already, to a tag, byte for byte, and looks whether it is there.
 * @param from the layout's folder, or `@sha256:...`
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE
 */
export async function push(
  world: World,
  repository: Repository,
  from: string,
  tag: string,
  digest: string,
): Promise<void> {
  const source = from.startsWith('@')
    ? [tls('src-tls-verify', repository), `docker://${repository.name}${from}`]
    : [`oci:${from}`]
  const argv = [
    '--insecure-policy', // signatures of a sort that nobody asks for here: the digest is compared below
    'copy',
    '--quiet',
    '--preserve-digests',
    tls('dest-tls-verify', repository),
    ...source,
    `docker://${repository.name}:${tag}`,
  ]
  const { code, stderr } = await skopeo(world, argv, pushMs)
  if (code !== 0) throw refusal(repository, stderr)
  const found = await inspect(world, repository, `:${tag}`)
  if (found?.digest === digest) return
  throw new MintmarkError(
    'PROVIDER_REFUSED',
    `${repository.name}:${tag} is ${found?.digest ?? 'not there'} after the push, ${digest} was pushed`,
    { hint: 'somebody else may push to that repository, or the registry changes what it gets' },
  )
}

/** Deletes a manifest, and with it every tag of it; looks whether it is gone. @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE */
export async function deleteManifest(world: World, repository: Repository, digest: string): Promise<void> {
  const which = `@${digest}`
  const argv = ['delete', tls('tls-verify', repository), `docker://${repository.name}${which}`]
  const { code, stderr } = await skopeo(world, argv, lookMs)
  if (code !== 0 && !isMissing(stderr)) throw refusal(repository, stderr)
  if ((await inspect(world, repository, which)) === null) return
  throw new MintmarkError(
    'PROVIDER_REFUSED',
    `${repository.name}${which} is still there after the registry said that it was deleted`,
  )
}
