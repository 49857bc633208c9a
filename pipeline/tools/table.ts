import type { ToolName } from '../ports/tools.ts'

/** How one program is had. Versions are exact; hashes were read where `origin` says, never from memory. */
export interface ToolRow {
  readonly title: string
  /** The version that setup installs. */
  readonly version: string
  /** Range of versions that are accepted on PATH (semver). */
  readonly accepted: string
  /** Versions that are never run, with the reason. */
  readonly denied: Readonly<Record<string, string>>
  /** Prints the version somewhere in its first line. */
  readonly versionArgs: readonly string[]
  /** The vendor's own build, or null where no hash of it could be confirmed. */
  readonly official: {
    readonly url: string
    readonly sha256: string
    /** Path of the program inside the archive. */
    readonly member: string
    readonly origin: string
  } | null
  /** Built from `pipeline/tools/<tool>/go.mod`; go.sum pins every module by hash. */
  readonly build: {
    readonly package: string
    readonly ldflags: string
    readonly env: Readonly<Record<string, string>>
    readonly minutes: number
  }
}

const compromised = 'released by an attacker in March 2026 (GHSA-69fq-xp46-6x23, CVE-2026-33634)'

export const toolTable = {
  packer: {
    title: 'Packer',
    version: '1.11.2',
    accepted: '>=1.11.0 <2.0.0',
    denied: {},
    versionArgs: ['version'],
    official: null,
    build: { package: 'github.com/hashicorp/packer', ldflags: '-s -w', env: {}, minutes: 2 },
  },
  'packer-plugin-qemu': {
    title: 'Packer plugin qemu',
    version: '1.0.9',
    accepted: '1.0.9',
    denied: {},
    versionArgs: ['describe'],
    official: null,
    build: { package: 'github.com/hashicorp/packer-plugin-qemu', ldflags: '-s -w', env: {}, minutes: 2 },
  },
  'packer-plugin-amazon': {
    title: 'Packer plugin amazon',
    version: '1.3.2',
    accepted: '1.3.2',
    denied: {},
    versionArgs: ['describe'],
    official: null,
    build: { package: 'github.com/hashicorp/packer-plugin-amazon', ldflags: '-s -w', env: {}, minutes: 3 },
  },
  trivy: {
    title: 'Trivy',
    version: '0.70.0',
    accepted: '>=0.70.0 <0.71.0',
    denied: { '0.69.4': compromised, '0.69.5': compromised, '0.69.6': compromised },
    versionArgs: ['--version'],
    official: {
      url: 'https://github.com/aquasecurity/trivy/releases/download/v0.70.0/trivy_0.70.0_Linux-64bit.tar.gz',
      sha256: '8b4376d5d6befe5c24d503f10ff136d9e0c49f9127a4279fd110b727929a5aa9',
      member: 'trivy',
      origin:
        'trivy_0.70.0_checksums.txt as quoted alike by two unrelated public repositories, read 2026-11-22',
    },
    build: {
      package: 'github.com/aquasecurity/trivy/cmd/trivy',
      ldflags: '-s -w -X github.com/aquasecurity/trivy/pkg/version/app.ver=0.70.0',
      env: { GOEXPERIMENT: 'jsonv2' },
      minutes: 7,
    },
  },
  grype: {
    title: 'Grype',
    version: '0.121.2',
    accepted: '>=0.121.0 <1.0.0',
    denied: {},
    versionArgs: ['--version'],
    official: null,
    build: {
      package: 'github.com/anchore/grype/cmd/grype',
      ldflags: '-s -w -X main.version=0.121.2',
      env: {},
      minutes: 7,
    },
  },
  actionlint: {
    title: 'actionlint',
    version: '1.7.12',
    accepted: '>=1.7.12 <2.0.0',
    denied: {},
    versionArgs: ['-version'],
    official: null,
    build: {
      package: 'github.com/rhysd/actionlint/cmd/actionlint',
      ldflags: '-s -w -X github.com/rhysd/actionlint.version=1.7.12',
      env: {},
      minutes: 1,
    },
  },
} as const satisfies Record<ToolName, ToolRow>

/** Not needed for every release: tool -> what `setup --for` has to be told, the plainest first. */
export const optionalTools: Readonly<
  Partial<Record<ToolName, readonly ['grype' | 'aws' | 'workflows', ...(readonly 'test'[])]>>
> = {
  grype: ['grype'],
  'packer-plugin-amazon': ['aws', 'test'],
  actionlint: ['workflows'],
}

/**
 * The Go toolchain that builds the tools where none of at least `least` is on PATH: a module of the Go module proxy.
 * The zip's hash is that of the file which `go mod download` verified against sum.golang.org
 * (h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=), 2026-11-22.
 */
export const goToolchain = {
  least: '1.26.0',
  version: 'v0.0.1-go1.26.8.linux-amd64',
  sha256: '30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7',
} as const

/** Debian packages: package -> the program, or the file, by which its presence is seen. */
export const debianPackages = {
  release: {
    'qemu-system-x86': 'qemu-system-x86_64',
    'qemu-utils': 'qemu-img',
    ovmf: '/usr/share/OVMF/OVMF_CODE_4M.fd',
    mmdebstrap: 'mmdebstrap',
    'debian-archive-keyring': '/usr/share/keyrings/debian-archive-keyring.gpg',
    gpgv: 'gpgv',
    uidmap: 'newuidmap',
    fakeroot: 'fakeroot',
    e2fsprogs: 'debugfs',
    fdisk: 'sfdisk',
    mtools: 'mcopy',
    dosfstools: 'mkfs.vfat',
    'openssh-client': 'ssh',
    shellcheck: 'shellcheck',
    'util-linux': 'setpriv',
    unzip: 'unzip',
    'ca-certificates': '/etc/ssl/certs/ca-certificates.crt',
  },
  /** Needed where a definition has a step for ansible. */
  ansible: { 'ansible-core': 'ansible-playbook' },
  /** Needed where a definition asks for a TPM. */
  tpm: { swtpm: 'swtpm' },
  /** Needed where a channel is shared by an OCI registry. */
  share: { skopeo: 'skopeo' },
  test: {
    git: 'git',
    chromium: 'chromium',
    openssl: 'openssl',
    gpg: 'gpg',
    dnf: 'dnf',
    rpm: 'rpmbuild',
    'createrepo-c': 'createrepo_c',
  },
  /** All that checking the workflows needs: no release is made for it. */
  workflows: {
    shellcheck: 'shellcheck',
    unzip: 'unzip',
    'ca-certificates': '/etc/ssl/certs/ca-certificates.crt',
  },
} as const

/**
 * Debian packages for the tests alone that are unpacked into the cache and not installed: installing this one would start a
 * service on all addresses. Package -> the program in it.
 */
export const unpackedPackages = { 'docker-registry': 'usr/bin/docker-registry' } as const

/**
 * Python programs for the tests alone, in virtual environments of the cache: `pipeline/tools/<name>/requirements.txt` pins every
 * package by version and hash. Name -> the program in its `bin`.
 */
export const pythonPrograms = { moto: 'moto_server', zizmor: 'zizmor' } as const

/** What `setup --for` has to be told to get them. */
export const pythonPurposes: Readonly<Record<keyof typeof pythonPrograms, 'test' | 'workflows'>> = {
  moto: 'test',
  zizmor: 'workflows',
}
