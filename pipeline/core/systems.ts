import type { Definition } from '../model/definition.ts'
import { ControlOs, type PackageManager } from '../model/hardening.ts'

/** One place that a system's own packages come from, as apt names it. */
export interface AptSource {
  /** What MINTMARK_REPO_MIRRORS calls it. */
  readonly name: string
  readonly url: string
  /** What follows the codename in the suite's name. */
  readonly suffix: '' | '-updates' | '-security'
  readonly components: string
}

/** All in which one system differs from another, for what is rendered and for what is looked at. */
export interface System {
  readonly id: ControlOs
  readonly family: Definition['os']['family']
  readonly release: string
  readonly manager: PackageManager
  /** `booted`: images of it were built, booted and hardened here. `rendered-only`: all was rendered and checked, nothing booted. */
  readonly verified: 'booted' | 'rendered-only'
  /** The sources of apt in the build; empty: those that the image has. */
  readonly sources: readonly AptSource[]
  /** The keyring that signs them, in the image. */
  readonly keyring: string
  /** `kept`: what only a removed package needed stays, since a publisher's meta packages hold his system together. */
  readonly orphans: 'removed' | 'kept'
  /** More words for each call of dnf. */
  readonly options: readonly string[]
  /** What the scanner calls the family, and by which other files than os-release it knows the release. */
  readonly scanner: { readonly family: string; readonly files: Readonly<Record<string, string>> }
  /** Addresses that packages may come from in the sealed image, besides the definition's own. */
  readonly hosts: RegExp
}

const apt = { manager: 'apt', options: [] } as const

const debian = {
  ...apt,
  family: 'debian',
  verified: 'booted',
  sources: [
    { name: 'debian', url: 'http://deb.debian.org/debian', suffix: '', components: 'main' },
    { name: 'debian', url: 'http://deb.debian.org/debian', suffix: '-updates', components: 'main' },
    {
      name: 'debian-security',
      url: 'http://deb.debian.org/debian-security',
      suffix: '-security',
      components: 'main',
    },
  ],
  keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
  orphans: 'removed',
  // The sources of Debian's own cloud images are lists of mirrors, whose addresses are then looked at like any.
  hosts:
    /^(?:https?:\/\/(?:deb|cdn-aws\.deb)\.debian\.org(?:\/|$)|mirror\+file:\/\/\/etc\/apt\/mirrors\/debian(?:-security)?\.list$)/,
} as const

const ubuntu = {
  ...apt,
  family: 'ubuntu',
  verified: 'rendered-only',
  sources: [
    { name: 'ubuntu', url: 'http://archive.ubuntu.com/ubuntu', suffix: '', components: 'main universe' },
    {
      name: 'ubuntu',
      url: 'http://archive.ubuntu.com/ubuntu',
      suffix: '-updates',
      components: 'main universe',
    },
    {
      name: 'ubuntu-security',
      url: 'http://security.ubuntu.com/ubuntu',
      suffix: '-security',
      components: 'main universe',
    },
  ],
  keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
  orphans: 'kept',
  // cloud-init names the archive of the instance's region, and does so again in each new instance.
  hosts: /^https?:\/\/(?:[a-z0-9-]+(?:\.clouds|\.ec2)?\.)*(?:archive|security|ports)\.ubuntu\.com(?:\/|$)/,
} as const

// The publishers' images bring their own repositories, with keys, regions and subscriptions in them.
const dnf = {
  manager: 'dnf',
  verified: 'rendered-only',
  sources: [],
  keyring: '',
  orphans: 'kept',
  options: [],
} as const

// https://docs.aws.amazon.com/linux/al2023/ug/managing-repos-os-updates.html: an image is locked to the repositories of its own day,
// and `latest` is the newest day; a region's repositories are a bucket of Amazon's.
const amazonLinux = {
  ...dnf,
  family: 'amazon-linux',
  options: ['--releasever=latest'],
  hosts:
    /^https?:\/\/(?:cdn\.amazonlinux\.com|al2023-repos-[a-z0-9$-]+-de612dc2\.s3\.dualstack\.[a-z0-9$-]+\.(?:\$awsdomain|amazonaws\.com(?:\.cn)?))\//,
} as const

// Red Hat's own update servers of a region (the word REGION is its client's), and its delivery network.
const redHat = {
  ...dnf,
  family: 'rhel',
  hosts: /^https:\/\/(?:rhui\d?\.[A-Za-z0-9$-]+\.aws\.ce\.redhat\.com|cdn\.redhat\.com)\//,
} as const

const rocky = {
  ...dnf,
  family: 'rocky',
  hosts: /^https?:\/\/(?:mirrors|dl)\.rockylinux\.org\//,
} as const

const debianScanner = (release: string) => ({
  family: 'debian',
  files: { 'etc/debian_version': `${release}.0\n` },
})

const ubuntuScanner = (release: string) => ({
  family: 'ubuntu',
  files: { 'etc/lsb-release': `DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=${release}\n` },
})

/** Each system that controls are written for. */
export const systems: Readonly<Record<ControlOs, System>> = {
  'debian-12': { ...debian, id: 'debian-12', release: '12', scanner: debianScanner('12') },
  'debian-13': { ...debian, id: 'debian-13', release: '13', scanner: debianScanner('13') },
  'ubuntu-22.04': { ...ubuntu, id: 'ubuntu-22.04', release: '22.04', scanner: ubuntuScanner('22.04') },
  'ubuntu-24.04': { ...ubuntu, id: 'ubuntu-24.04', release: '24.04', scanner: ubuntuScanner('24.04') },
  'amazon-linux-2023': {
    ...amazonLinux,
    id: 'amazon-linux-2023',
    release: '2023',
    scanner: {
      family: 'amazon',
      files: { 'etc/system-release': 'Amazon Linux release 2023.0.20230329 (Amazon Linux)\n' },
    },
  },
  'rhel-9': { ...redHat, id: 'rhel-9', release: '9', scanner: { family: 'redhat', files: {} } },
  'rocky-9': { ...rocky, id: 'rocky-9', release: '9', scanner: { family: 'rocky', files: {} } },
}

/** The system of a definition; null when no control is written for it. */
export function systemOf({
  family,
  release,
}: {
  readonly family: string
  readonly release: string
}): System | null {
  const id = ControlOs.safeParse(`${family}-${release}`)
  return id.success ? systems[id.data] : null
}

/** The system that an os-release file tells of, by its ID alone; null for an unknown one. */
export function systemOfRelease(osRelease: string): System | null {
  const id = /^ID="?([a-z]+)"?$/m.exec(osRelease)?.[1]
  const family = id === 'amzn' ? 'amazon-linux' : id
  return Object.values(systems).find((system) => system.family === family) ?? null
}

/** Said of a system that nobody has booted, wherever its images are made or shown; null for the others. */
export const neverBooted = ({ id, verified }: System): string | null =>
  verified === 'booted'
    ? null
    : `${id} was rendered and checked by mintmark's own tests, and never booted by them`

/** apt's sources as the rows that the guest's script reads: name, address, suite, components. */
export const sourceRows = ({ sources }: System, codename: string): string =>
  sources
    .map(({ name, url, suffix, components }) => [name, url, `${codename}${suffix}`, components].join('\t'))
    .join('\n')
