import type { PackageManager } from '../model/hardening.ts'
import { systemOf } from './systems.ts'

/** A made-up system for the scanner, with very old packages of which every release has had fixes. */
export interface Canary {
  /** Path below its root -> text. */
  readonly files: ReadonlyMap<string, string>
  readonly packages: number
  /** What the scanner calls the system. */
  readonly family: string
}

interface Asked {
  readonly family: string
  readonly release: string
}

/** Source packages of Debian and Ubuntu, binary ones of the others: as their advisories name them. */
const wellKnown: Readonly<Record<PackageManager, readonly string[]>> = {
  apt: [
    'openssl',
    'openssh',
    'sudo',
    'bash',
    'glibc',
    'curl',
    'zlib',
    'krb5',
    'systemd',
    'gnupg2',
    'libxml2',
    'expat',
    'perl',
    'vim',
  ],
  dnf: [
    'openssl-libs',
    'openssh-server',
    'sudo',
    'bash',
    'glibc',
    'curl',
    'zlib',
    'krb5-libs',
    'systemd',
    'gnupg2',
    'libxml2',
    'expat',
    'perl-libs',
    'vim-minimal',
  ],
}

/** The packages as each package manager writes them down where the scanner looks. */
const books: Readonly<Record<PackageManager, (names: readonly string[]) => readonly [string, string]>> = {
  apt: (names) => [
    'var/lib/dpkg/status',
    names
      .map(
        (name) =>
          `Package: ${name}\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: amd64\nVersion: 0.0.1-1\nDescription: canary\n`,
      )
      .join('\n'),
  ],
  // A list as `rpm -qa` prints it is read like rpm's own database, which nobody can write without rpm.
  dnf: (names) => [
    'var/lib/rpmmanifest/container-manifest-2',
    names
      .map((name) => `${name}\t0.0.1-1\t1\t1\tnobody\t(none)\t1\tx86_64\t0\t${name}-0.0.1-1.src.rpm\n`)
      .join(''),
  ],
}

/** The canary of a release; of one without controls it is Debian's kind. */
export function canaryOf(os: Asked): Canary {
  const system = systemOf(os)
  const { scanner, manager } = system ?? {
    manager: 'apt',
    scanner: { family: os.family, files: { 'etc/debian_version': `${os.release}.0\n` } },
  }
  const names = wellKnown[manager]
  const release = `ID=${os.family}\nVERSION_ID="${os.release}"\nPRETTY_NAME="canary"\n`
  return {
    files: new Map([['etc/os-release', release], ...Object.entries(scanner.files), books[manager](names)]),
    packages: names.length,
    family: scanner.family,
  }
}

/** Is what the scanner recognised this system? Trivy says 13.7 for a definition's 13, and redhat for rhel. */
export const isScanned = (seen: Asked, wanted: Asked): boolean =>
  seen.family === (systemOf(wanted)?.scanner.family ?? wanted.family) &&
  `${seen.release}.`.startsWith(`${wanted.release}.`)
