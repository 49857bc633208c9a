import type { Arch } from '../model/ids.ts'
import type { Wanted } from './publishers.ts'

/** How an owner's AMIs of one release and processor are named and found. */
export interface AmiBuilds {
  /** The whole name. Groups: `date` (YYYYMMDD), and where there are any `version` (9.6) and `serial`. */
  readonly name: RegExp
  /** The same for EC2's filter, whose only signs are "*" and "?": it may find more. */
  readonly pattern: string
  /** A public parameter of Systems Manager that names the newest one; null: there is none. */
  readonly parameter: string | null
}

/** Who publishes a distribution's official AMIs. */
export interface AmiOwner {
  readonly id: string
  readonly title: string
  readonly family: string
  /** In the partition `aws`; China and GovCloud have other accounts, and nothing is accepted there. */
  readonly account: string
  /** What EC2 may say of the account: "amazon" for a verified provider, in whose images it was once nothing. */
  readonly aliases: readonly (string | null)[]
  /** The user that cloud-init makes. */
  readonly login: string
  /** Releases, each with its codename (null: it has none). */
  readonly releases: Readonly<Record<string, string | null>>
  /** The only billing code that its AMIs may have: others are paid editions or subscriptions of one's own. */
  readonly billing: { readonly platformDetails: string; readonly usageOperation: string }
  builds(wanted: Wanted): AmiBuilds
}

/** EC2's own name of a processor. */
export const ec2Arch = (arch: Arch): 'x86_64' | 'arm64' => (arch === 'x86_64' ? 'x86_64' : 'arm64')

const debianArch = (arch: Arch): string => (arch === 'x86_64' ? 'amd64' : 'arm64')

const escaped = (text: string): string => text.replaceAll('.', '\\.')

// The two columns are "Platform details" and "Usage operation" of
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html
const free = { platformDetails: 'Linux/UNIX', usageOperation: 'RunInstances' }
const redHat = { platformDetails: 'Red Hat Enterprise Linux', usageOperation: 'RunInstances:0010' }

/** Canonical's own folders of its two releases: the root volume's type is in the name, and in the parameter. */
const ubuntuVolume: Readonly<Record<string, readonly [folder: string, volume: string]>> = {
  '22.04': ['hvm-ssd', 'ebs-gp2'],
  '24.04': ['hvm-ssd-gp3', 'ebs-gp3'],
}

/** Owners of official AMIs in the commercial partition. */
export const amiOwners: readonly AmiOwner[] = [
  // Account and user: https://wiki.debian.org/Cloud/AmazonEC2Image; name and parameter as its cloud team publishes them
  // (debian-12-amd64-20250316-2053). "debian-12-backports-…" has another kernel, and does not match.
  {
    id: 'debian',
    title: 'Debian cloud team',
    family: 'debian',
    account: '136693071363',
    aliases: [null, 'amazon'],
    login: 'admin',
    releases: { '12': 'bookworm', '13': 'trixie' },
    billing: free,
    builds: ({ release, arch }) => ({
      name: new RegExp(`^debian-${release}-${debianArch(arch)}-(?<date>\\d{8})-(?<serial>\\d+)$`),
      pattern: `debian-${release}-${debianArch(arch)}-*`,
      parameter: `/aws/service/debian/release/${release}/latest/${debianArch(arch)}`,
    }),
  },
  // Account, names and parameters: https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
  // "…-pro-server-…" and "…-minimal-…" are other products.
  {
    id: 'canonical',
    title: 'Canonical',
    family: 'ubuntu',
    account: '099720109477',
    aliases: [null, 'amazon'],
    login: 'ubuntu',
    releases: { '22.04': 'jammy', '24.04': 'noble' },
    billing: free,
    builds: ({ release, codename, arch }) => {
      const [folder, volume] = ubuntuVolume[release] ?? ['hvm-ssd-gp3', 'ebs-gp3']
      const cpu = debianArch(arch)
      const stem = `ubuntu/images/${folder}/ubuntu-${codename}-${release}-${cpu}-server-`
      return {
        name: new RegExp(`^${escaped(stem)}(?<date>\\d{8})(?:\\.(?<serial>\\d+))?$`),
        pattern: `${stem}*`,
        parameter: `/aws/service/canonical/ubuntu/server/${release}/stable/current/${cpu}/hvm/${volume}/ami-id`,
      }
    },
  },
  // Parameter and user: https://docs.aws.amazon.com/linux/al2023/ug/ec2.html. The names of "minimal", "ecs" and "eks" images have
  // another word in front of the version.
  {
    id: 'amazon',
    title: 'Amazon Web Services',
    family: 'amazon-linux',
    account: '137112412989',
    aliases: ['amazon'],
    login: 'ec2-user',
    releases: { '2023': null },
    billing: free,
    builds: ({ release, arch }) => ({
      name: new RegExp(
        `^al2023-ami-(?<version>${release}\\.\\d+)\\.(?<date>\\d{8})\\.(?<serial>\\d+)-kernel-\\d+\\.\\d+-${ec2Arch(arch)}$`,
      ),
      pattern: `al2023-ami-${release}.*-kernel-*-${ec2Arch(arch)}`,
      parameter: `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${ec2Arch(arch)}`,
    }),
  },
  // Account: https://access.redhat.com/solutions/15356. "Hourly2" pays Red Hat through AWS, "Access2" wants a subscription of
  // one's own; "RHEL_HA-…" and "RHEL-SAP-…" are other products.
  {
    id: 'red-hat',
    title: 'Red Hat',
    family: 'rhel',
    account: '309956199498',
    aliases: [null, 'amazon'],
    login: 'ec2-user',
    releases: { '9': null },
    billing: redHat,
    builds: ({ release, arch }) => ({
      name: new RegExp(
        `^RHEL-(?<version>${release}\\.\\d+(?:\\.\\d+)?)_HVM-(?<date>\\d{8})-${ec2Arch(arch)}-(?<serial>\\d+)-Hourly2-GP[23]$`,
      ),
      pattern: `RHEL-${release}.*_HVM-*-${ec2Arch(arch)}-*-Hourly2-GP*`,
      parameter: null,
    }),
  },
  // Account: https://rockylinux.org/download (Cloud images, AWS). The images of the same name in AWS Marketplace are of
  // 679593333241 and have a product code; "…-LVM-…" has another layout.
  {
    id: 'rocky',
    title: 'Rocky Enterprise Software Foundation',
    family: 'rocky',
    account: '792107900819',
    aliases: [null, 'amazon'],
    login: 'rocky',
    releases: { '9': null },
    billing: free,
    builds: ({ release, arch }) => ({
      name: new RegExp(
        `^Rocky-${release}-EC2-Base-(?<version>${release}\\.\\d+)-(?<date>\\d{8})\\.(?<serial>\\d+)\\.${arch}$`,
      ),
      pattern: `Rocky-${release}-EC2-Base-${release}.*.${arch}`,
      parameter: null,
    }),
  },
]
