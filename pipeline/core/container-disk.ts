import type { Arch } from '../model/ids.ts'
import { canonicalJson, sha256 } from './digest.ts'
import type { SharedImage } from './shared-image.ts'
import { tarEnd, tarHeader, tarPadding } from './tar-entry.ts'

/** qemu's user and group in KubeVirt's virt-launcher. */
const qemuId = 107

const goArch: Readonly<Record<Arch, string>> = { x86_64: 'amd64', aarch64: 'arm64' }

export const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const configType = 'application/vnd.oci.image.config.v1+json'
const layerType = 'application/vnd.oci.image.layer.v1.tar'

/** Labels by which a pushed image is known again. */
export const labels = {
  image: 'dev.mintmark.image',
  variant: 'dev.mintmark.variant',
  sha256: 'dev.mintmark.sha256',
  record: 'dev.mintmark.record',
  login: 'dev.mintmark.login',
  withdrawn: 'dev.mintmark.withdrawn',
  version: 'org.opencontainers.image.version',
} as const

/** Where the disk lies in the layer. */
export const diskPath = ({ image }: Pick<SharedImage, 'image'>): string => `disk/${image}.qcow2`

/** What comes before and after the disk's own bytes in the layer: times are the record's, so that the same release has the same bytes. */
export function layerAround(release: SharedImage): {
  readonly before: Uint8Array
  readonly after: Uint8Array
} {
  const owned = { user: qemuId, group: qemuId, time: Math.floor(Date.parse(release.made) / 1000) }
  return {
    before: Buffer.concat([
      tarHeader({ name: 'disk/', size: 0, mode: 0o755, ...owned }),
      tarHeader({ name: diskPath(release), size: release.bytes, mode: 0o440, ...owned }),
    ]),
    after: Buffer.concat([tarPadding(release.bytes), tarEnd]),
  }
}

/** Something of an OCI image, named by its digest. */
export interface OciBlob {
  readonly sha256: string
  readonly text: string
}

const blobOf = (value: unknown): OciBlob => {
  const text = canonicalJson(value)
  return { sha256: sha256(text), text }
}

export interface OciImage {
  readonly config: OciBlob
  readonly manifest: OciBlob
  /** `index.json` of an OCI layout that holds it. */
  readonly index: string
}

/** `oci-layout` of every OCI layout. */
export const layoutFile = canonicalJson({ imageLayoutVersion: '1.0.0' })

function ociImage(
  config: Readonly<Record<string, unknown>>,
  layers: readonly { readonly sha256: string; readonly bytes: number }[],
): OciImage {
  const digests = layers.map((layer) => `sha256:${layer.sha256}`)
  const configBlob = blobOf({ os: 'linux', rootfs: { type: 'layers', diff_ids: digests }, ...config })
  const manifest = blobOf({
    schemaVersion: 2,
    mediaType: manifestType,
    config: {
      mediaType: configType,
      digest: `sha256:${configBlob.sha256}`,
      size: Buffer.byteLength(configBlob.text),
    },
    layers: layers.map(({ sha256: digest, bytes }) => ({
      mediaType: layerType,
      digest: `sha256:${digest}`,
      size: bytes,
    })),
  })
  const index = canonicalJson({
    schemaVersion: 2,
    manifests: [
      {
        mediaType: manifestType,
        digest: `sha256:${manifest.sha256}`,
        size: Buffer.byteLength(manifest.text),
      },
    ],
  })
  return { config: configBlob, manifest, index }
}

/** A release as KubeVirt's containerDisk, around a layer that holds its disk. */
export function containerDisk(
  release: SharedImage,
  layer: { readonly sha256: string; readonly bytes: number },
): OciImage {
  const text: Readonly<Record<string, string>> = {
    'org.opencontainers.image.title': release.image,
    [labels.version]: release.version,
    'org.opencontainers.image.created': release.made,
    ...(release.revision === null ? {} : { 'org.opencontainers.image.revision': release.revision }),
    [labels.image]: release.image,
    [labels.variant]: release.variant,
    [labels.sha256]: release.sha256,
    [labels.record]: release.record,
    [labels.login]: release.login,
  }
  return ociImage(
    {
      created: release.made,
      architecture: goArch[release.arch],
      config: { Labels: text },
      history: [{ created: release.made, created_by: `mintmark ${release.image}@${release.version}` }],
    },
    [layer],
  )
}

/** An image without any content: put in the place of a tag that is to be taken away without its image, and then taken away itself. */
export const withdrawnTag = (image: string, arch: Arch, tag: string): OciImage =>
  ociImage(
    { architecture: goArch[arch], config: { Labels: { [labels.image]: image, [labels.withdrawn]: tag } } },
    [],
  )

/** The tag of a version. One of another architecture says so: it would take the first one's place. */
export const tagOf = (name: string, arch: Arch): string => (arch === 'x86_64' ? name : `${name}-${arch}`)
