import type { Arch } from '../model/ids.ts'
import type { ChecksumAlgorithm } from './checksum-file.ts'

/** A publisher's signing key. Its public half lies in pipeline/targets/qemu/image/keys/<fingerprint>.asc. */
export interface PublisherKey {
  readonly fingerprint: string
  readonly name: string
  /** Where the fingerprint and the key itself were read. */
  readonly origin: string
}

export interface Wanted {
  readonly release: string
  readonly codename: string | null
  readonly arch: Arch
}

/** Where a publisher's builds of one release are. */
export interface Builds {
  /** Path below the host, with slashes at both ends; it lists folders or files of builds. */
  readonly index: string
  /** A folder a build below the index, that all names but one build's differ in; null: all builds lie in the index itself. */
  readonly folder: RegExp | null
  /** The image's exact name. Group 1 of `folder` or of this is the build's date, YYYYMMDD. */
  readonly name: RegExp
}

/** Who publishes a distribution's official images, and how they are proven to be theirs. */
export interface Publisher {
  readonly id: string
  readonly title: string
  readonly family: string
  /** `https://` and the host's name, without a slash at the end. */
  readonly host: string
  /** Releases, each with its codename (null: it has none). */
  readonly releases: Readonly<Record<string, string | null>>
  readonly algorithm: ChecksumAlgorithm
  readonly checksums: string
  /** Detached signature over the checksum file; null: the publisher makes none that is known. */
  readonly signature: string | null
  readonly keys: readonly PublisherKey[]
  /** Why nothing of it is accepted; null when there is a pinned key. */
  readonly refused: string | null
  builds(wanted: Wanted): Builds
}

const debianArch = (arch: Arch): string => (arch === 'x86_64' ? 'amd64' : 'arm64')

const escaped = (text: string): string => text.replaceAll('.', '\\.')

/** Official publishers of images. Nothing floating (latest, current, release) is in here. */
export const publishers: readonly Publisher[] = [
  {
    id: 'canonical',
    title: 'Canonical, Ubuntu cloud images',
    family: 'ubuntu',
    host: 'https://cloud-images.ubuntu.com',
    releases: { '22.04': 'jammy', '24.04': 'noble', '26.04': 'resolute' },
    algorithm: 'sha256',
    checksums: 'SHA256SUMS',
    signature: 'SHA256SUMS.gpg',
    keys: [
      {
        fingerprint: 'D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81',
        name: 'UEC Image Automatic Signing Key <cdimage@ubuntu.com>',
        origin:
          'package ubuntu-keyring 2023.11.28.1-0.2 of Debian 13, /usr/share/keyrings/ubuntu-cloudimage-keyring.gpg',
      },
    ],
    refused: null,
    builds: ({ release, codename, arch }) => ({
      index: `/releases/${codename}/`,
      folder: /^release-(\d{8})(?:\.\d+)?$/,
      name: new RegExp(`^ubuntu-${escaped(release)}-server-cloudimg-${debianArch(arch)}\\.img$`),
    }),
  },
  {
    id: 'rocky',
    title: 'Rocky Enterprise Software Foundation, Rocky Linux cloud images',
    family: 'rocky',
    host: 'https://dl.rockylinux.org',
    releases: { '9': null },
    algorithm: 'sha256',
    checksums: 'CHECKSUM',
    signature: 'CHECKSUM.asc',
    keys: [
      {
        fingerprint: '21CB256AE16FC54C6E652949702D426D350D275D',
        name: 'Rocky Enterprise Software Foundation - Release key 2022 <releng@rockylinux.org>',
        origin:
          'package distribution-gpg-keys 1.119+ds-1~deb13u1 of Debian 13, /usr/share/distribution-gpg-keys/rocky/RPM-GPG-KEY-Rocky-9',
      },
    ],
    refused: null,
    builds: ({ release, arch }) => ({
      index: `/pub/rocky/${release}/images/${arch}/`,
      folder: null,
      name: new RegExp(
        `^Rocky-${escaped(release)}-GenericCloud-Base-${escaped(release)}\\.\\d+-(\\d{8})\\.\\d+\\.${arch}\\.qcow2$`,
      ),
    }),
  },
  {
    id: 'debian-cloud',
    title: 'Debian cloud team, generic cloud images',
    family: 'debian',
    host: 'https://cloud.debian.org',
    releases: { '12': 'bookworm', '13': 'trixie' },
    algorithm: 'sha512',
    checksums: 'SHA512SUMS',
    signature: null,
    keys: [],
    refused: 'no signature over SHA512SUMS is known; write base: {from: archive}, which Debian signs',
    builds: ({ release, codename, arch }) => ({
      index: `/images/cloud/${codename}/`,
      folder: /^(\d{8})-\d+$/,
      name: new RegExp(`^debian-${escaped(release)}-genericcloud-${debianArch(arch)}-(\\d{8})-\\d+\\.qcow2$`),
    }),
  },
  {
    id: 'amazon',
    title: 'Amazon Web Services, Amazon Linux images for KVM',
    family: 'amazon-linux',
    host: 'https://cdn.amazonlinux.com',
    releases: { '2023': null },
    algorithm: 'sha256',
    checksums: 'SHA256SUMS',
    signature: null,
    keys: [],
    refused: 'no signature over SHA256SUMS is known for Amazon Linux 2023',
    builds: ({ arch }) => ({
      index: '/al2023/os-images/',
      folder: /^2023\.\d+\.(\d{8})\.\d+$/,
      name: new RegExp(
        `^al2023-kvm-2023\\.\\d+\\.(\\d{8})\\.\\d+-kernel-[0-9.]+-${arch === 'x86_64' ? 'x86_64' : 'arm64'}\\.xfs\\.gpt\\.qcow2$`,
      ),
    }),
  },
]
