import type { AskedAmi, DescribedImage } from '../../pipeline/core/ami-evidence.ts'
import { type AmiOwner, amiOwners } from '../../pipeline/core/ami-owners.ts'
import { lifecycleRow } from '../../pipeline/core/lifecycle.ts'
import type { Arch } from '../../pipeline/model/ids.ts'

/** The day that the tests are at. */
export const today = new Date('2026-11-22T12:00:00.000Z')

export interface OfficialAmi {
  readonly family: string
  readonly release: string
  readonly arch: Arch
  /** As the owner names it. */
  readonly name: string
}

/** One name of each of the owners, as it is seen in the wild with another day. */
export const officialAmis: readonly OfficialAmi[] = [
  { family: 'debian', release: '12', arch: 'x86_64', name: 'debian-12-amd64-20261110-2294' },
  { family: 'debian', release: '13', arch: 'aarch64', name: 'debian-13-arm64-20261117-2299' },
  {
    family: 'ubuntu',
    release: '22.04',
    arch: 'x86_64',
    name: 'ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20261105',
  },
  {
    family: 'ubuntu',
    release: '24.04',
    arch: 'aarch64',
    name: 'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20261105.1',
  },
  {
    family: 'amazon-linux',
    release: '2023',
    arch: 'x86_64',
    name: 'al2023-ami-2023.12.20261109.0-kernel-6.1-x86_64',
  },
  { family: 'rhel', release: '9', arch: 'x86_64', name: 'RHEL-9.8.0_HVM-20261028-x86_64-0-Hourly2-GP3' },
  { family: 'rocky', release: '9', arch: 'aarch64', name: 'Rocky-9-EC2-Base-9.8-20261101.0.aarch64' },
]

export function ownerOf(family: string): AmiOwner {
  const owner = amiOwners.find((candidate) => candidate.family === family)
  if (owner === undefined) throw new Error(`no owner of ${family}`)
  return owner
}

/** What DescribeImages says of such an AMI. */
export function described({ family, arch, name }: OfficialAmi): DescribedImage {
  const owner = ownerOf(family)
  const day = /\d{8}/.exec(name)?.[0] ?? ''
  return {
    ImageId: 'ami-0123456789abcdef0',
    Name: name,
    OwnerId: owner.account,
    ...(family === 'amazon-linux' ? { ImageOwnerAlias: 'amazon' } : {}),
    CreationDate: `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T18:31:07.000Z`,
    DeprecationTime: '2028-11-20T00:00:00.000Z',
    State: 'available',
    ImageType: 'machine',
    Public: true,
    Architecture: arch === 'x86_64' ? 'x86_64' : 'arm64',
    VirtualizationType: 'hvm',
    BootMode: arch === 'x86_64' ? 'uefi-preferred' : 'uefi',
    EnaSupport: true,
    PlatformDetails: owner.billing.platformDetails,
    UsageOperation: owner.billing.usageOperation,
    RootDeviceName: '/dev/xvda',
    RootDeviceType: 'ebs',
    BlockDeviceMappings: [
      { DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-0123456789abcdef0', Encrypted: false } },
    ],
  }
}

export const askedFor = (ami: OfficialAmi): AskedAmi => ({
  owner: ownerOf(ami.family),
  release: ami.release,
  arch: ami.arch,
  region: 'eu-west-1',
  earlier: null,
  maxAge: '90d',
  lifecycle: lifecycleRow(ami),
  now: today,
})
