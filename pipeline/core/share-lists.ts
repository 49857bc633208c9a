import { ShareIndex, type ShareIndexStatement } from '../model/share.ts'
import { canonicalJson, sha256 } from './digest.ts'
import { compare } from './lists.ts'
import { parsedJson } from './parsed-json.ts'
import type { SharedImage } from './shared-image.ts'
import { tarEnd, tarHeader, tarPadding } from './tar-entry.ts'
import { compareVersions } from './versions.ts'

/** Names of a release's files, below the image's folder of an export folder; the disk has the name by which its record knows it. */
export interface ShareFiles {
  readonly disk: string
  /** The signed record. */
  readonly record: string
  /** What `incus image import` wants besides the disk. */
  readonly incus: string
}

export function shareFiles({ image, version, variant }: SharedImage): ShareFiles {
  const base = `${version}/${image}-${version}-${variant}`
  return { disk: `${base}.qcow2`, record: `${base}.dsse.json`, incus: `${base}-incus.tar` }
}

/** The metadata archive of an Incus virtual-machine image: a tar with `metadata.yaml`, whose JSON is YAML as well. */
export function incusMetadata(release: SharedImage): Uint8Array {
  const { image, version, arch, os, made, sha256: digest, record } = release
  const time = Math.floor(Date.parse(made) / 1000)
  const content = Buffer.from(
    `${JSON.stringify(
      {
        architecture: arch,
        creation_date: time,
        properties: {
          description: `${image} ${version}`,
          name: image,
          os,
          version,
          'mintmark.sha256': digest,
          'mintmark.record': record,
        },
      },
      null,
      2,
    )}\n`,
  )
  const header = tarHeader({
    name: 'metadata.yaml',
    size: content.length,
    mode: 0o644,
    user: 0,
    group: 0,
    time,
  })
  return Buffer.concat([header, content, tarPadding(content.length), tarEnd])
}

/** Channel -> variant -> version. */
export type ShareHeads = ShareIndex['channels']

/** The index of what lies in an image's folder; a channel that names something else is left out. */
export function shareIndex(
  image: string,
  releases: readonly SharedImage[],
  heads: ShareHeads,
  updated: string,
): ShareIndex {
  const listed = (variant: string, version: string): boolean =>
    releases.some((item) => item.variant === variant && item.version === version)
  const channels: Record<string, Record<string, string>> = {}
  for (const [channel, variants] of Object.entries(heads)) {
    const named = Object.entries(variants).filter(([variant, version]) => listed(variant, version))
    if (named.length > 0) channels[channel] = Object.fromEntries(named)
  }
  return {
    schema: 1,
    image,
    updated,
    channels,
    releases: [...releases]
      .sort((a, b) => compareVersions(b.version, a.version) || compare(a.variant, b.variant))
      .map((release) => ({
        version: release.version,
        variant: release.variant,
        arch: release.arch,
        channels: Object.keys(channels)
          .filter((channel) => channels[channel]?.[release.variant] === release.version)
          .sort(compare),
        file: shareFiles(release).disk,
        sha256: release.sha256,
        bytes: release.bytes,
        virtualBytes: release.virtualBytes,
        // A folder and a registry hold files, whatever else the release has.
        format: 'qcow2',
        login: release.login,
        os: release.os,
        made: release.made,
        record: release.record,
      })),
  }
}

/** Files with their digests, in the order of the index. */
function digestsOf(releases: readonly SharedImage[]): readonly (readonly [name: string, sha256: string])[] {
  return releases.flatMap((release) => {
    const files = shareFiles(release)
    return [
      [files.disk, release.sha256],
      [files.incus, sha256(incusMetadata(release))],
      [files.record, release.record],
    ] as const
  })
}

/** `SHA256SUMS`, for `sha256sum -c` in the image's folder. */
export const shareSums = (releases: readonly SharedImage[]): string =>
  digestsOf(releases)
    .map(([name, digest]) => `${digest}  ${name}\n`)
    .sort((a, b) => compare(a.slice(66), b.slice(66)))
    .join('')

/** The bytes that the index's envelope carries. */
export function shareIndexPayload(index: ShareIndex, releases: readonly SharedImage[]): Uint8Array {
  const statement: ShareIndexStatement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: digestsOf(releases).map(([name, digest]) => ({ name, digest: { sha256: digest } })),
    predicateType: 'https://mintmark.dev/share-index/v1',
    predicate: index,
  }
  return Buffer.from(canonicalJson(statement))
}

/** The text of `index.json`. */
export const shareIndexText = (index: ShareIndex): string => `${JSON.stringify(index, null, 2)}\n`

/** The index that the text holds; null when it is none, or of another image. */
export function parseShareIndex(text: string, image: string): ShareIndex | null {
  const parsed = ShareIndex.safeParse(parsedJson(text))
  return parsed.success && parsed.data.image === image ? parsed.data : null
}

/** True when both say the same but for when they were written. */
export const sameIndex = (a: ShareIndex, b: ShareIndex): boolean =>
  canonicalJson({ ...a, updated: '' }) === canonicalJson({ ...b, updated: '' })
