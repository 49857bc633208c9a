import { createHash } from 'node:crypto'
import { MintmarkError } from '../errors.ts'
import type { Asset, AttachedAsset, Release } from './github.ts'
import { type Client, noRetry } from './github-client.ts'

interface GivenAsset {
  readonly id: number
  readonly name: string
  readonly state: string
  readonly size: number
  readonly digest: string | null
}

/** What an upload that was cut leaves behind has another state. */
const whole = ({ state }: GivenAsset): boolean => state === 'uploaded'

/** GitHub has digests of what was attached since the summer of 2025. */
const attachedAs = ({ size, digest }: GivenAsset): AttachedAsset => ({
  bytes: size,
  sha256: /^sha256:([0-9a-f]{64})$/.exec(digest ?? '')?.[1] ?? null,
})

/** A release as the port tells of it. */
export const releaseOf = (item: {
  readonly id: number
  readonly html_url: string
  readonly tag_name: string
  readonly target_commitish: string
  readonly draft: boolean
  readonly author: { readonly login: string } | null
  readonly assets: readonly GivenAsset[]
}): Release => ({
  id: item.id,
  url: item.html_url,
  tag: item.tag_name,
  target: item.target_commitish,
  draft: item.draft,
  author: item.author?.login ?? '',
  assets: Object.fromEntries(item.assets.filter(whole).map((asset) => [asset.name, attachedAs(asset)])),
})

/** What is there, in words; null when it is what is to be attached. */
function otherwise({ bytes, sha256 }: AttachedAsset, content: Uint8Array): string | null {
  if (bytes !== content.length) return `${bytes} bytes, and what is to be attached has ${content.length}`
  const ours = createHash('sha256').update(content).digest('hex')
  return sha256 === null || sha256 === ours
    ? null
    : `sha256 ${sha256}, and what is to be attached has ${ours}`
}

/**
 * Attaches a file to a release: what is left of an upload that was cut makes room, what is there as a whole is kept.
 * @throws MintmarkError CONFLICT for another file of that name; what the SDK throws
 */
export async function upload(
  client: Client,
  at: { owner: string; repo: string },
  release: Release,
  { name, mediaType, bytes }: Asset,
): Promise<void> {
  const { data: now } = await client.rest.repos.getRelease({ ...at, release_id: release.id })
  const there = now.assets.find((item) => item.name === name)
  if (there !== undefined && whole(there)) {
    const other = otherwise(attachedAs(there), bytes)
    if (other === null) return
    throw new MintmarkError('CONFLICT', `${name} of release ${release.tag} has ${other}`, {
      hint: `remove it at ${release.url} if it is not what was released, then run the same command again`,
    })
  }
  if (there !== undefined) await client.rest.repos.deleteReleaseAsset({ ...at, asset_id: there.id })
  await client.request({
    method: 'POST',
    // The answer names the host for uploads, which is another one.
    url: now.upload_url,
    name,
    headers: { 'content-type': mediaType, 'content-length': bytes.length },
    data: bytes,
    request: noRetry,
  })
}
