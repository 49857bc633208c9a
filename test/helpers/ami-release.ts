import { digestOfAmi } from '../../pipeline/core/artifact.ts'
import { digestOf } from '../../pipeline/core/digest.ts'
import type { AmiBase, AmiLock } from '../../pipeline/model/ami.ts'
import type { AmiArtifact } from '../../pipeline/model/artifact.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import type { Target } from '../../pipeline/targets/target.ts'

const ids = {
  account: '123456789012',
  region: 'eu-west-1',
  imageId: 'ami-0123456789abcdef0',
  snapshotIds: ['snap-0123456789abcdef0'],
}

/** An image that a cloud keeps, as a build would have left it. */
export const ami: AmiArtifact = {
  format: 'ami',
  ...ids,
  architecture: 'x86_64',
  bytes: 1_200_000_000,
  virtualBytes: 8 * 2 ** 30,
  sha256: digestOfAmi(ids),
}

const regional = {
  imageId: 'ami-0fedcba9876543210',
  created: '2026-09-12T02:46:08.000Z',
  snapshot: 'snap-0fedcba9876543210',
  deprecation: null,
  ancestry: null,
}

const official = {
  publisher: 'debian',
  owner: '136693071363',
  alias: null,
  distribution: 'debian',
  release: '13',
  arch: 'x86_64' as const,
  name: 'debian-13-amd64-20260912-2230',
  built: '2026-09-12T00:00:00.000Z',
  bootMode: 'uefi-preferred' as const,
  virtualization: 'hvm' as const,
  rootDevice: 'ebs' as const,
  ena: true as const,
  platformDetails: 'Linux/UNIX',
  usageOperation: 'RunInstances',
}

/** What it was built on. */
export const amiBase: AmiBase = {
  from: 'ami',
  id: digestOf({ owner: official.owner, region: ids.region, ...regional }),
  ...official,
  ...regional,
  version: '13-20260912',
  login: 'admin',
  region: ids.region,
  lifecycle: { state: 'regular', until: '2028-08-09', source: 'https://www.debian.org/releases/trixie/' },
}

/** What pins that base. */
export const amiLock: AmiLock = {
  schema: 1,
  from: 'ami',
  ...official,
  selector: { by: 'name', pattern: 'debian-13-amd64-*' },
  regions: { 'eu-west-1': regional },
  updated: '2026-11-22T03:00:00.000Z',
}

/** A second target whose cloud says of the image what `now` says: nothing while it is unchanged. */
export const cloudTarget = (now: () => string | null = () => null): Target => ({
  ...targets.qemu,
  id: 'aws',
  bootstraps: false,
  loginUser: () => 'admin',
  collect: async () => ami,
  unchanged: async () => now(),
  publish: async ({ gate }) => ({ subject: gate.subject, bytes: ami.bytes, blob: null }),
  whereIs: () => ({ address: `${ids.imageId} in ${ids.region}`, path: null }),
})
