import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { consumer, factory, type StandIn, startStandIn } from '../cloud/stand-in.ts'
import type { Seed } from '../cloud/stand-in-types.ts'
import { organization, unit } from './aws-share.ts'
import { buildRegion, goldenKeys, regions } from './publish-cloud.ts'
import { type RealCli, realCheckout, realCli } from './real-cli.ts'
import { datedDb } from './trivy-db-registry.ts'
import type { TestWorld } from './world.ts'

/** The image that tests release on the target aws, by the command line alone. */
export const image = 'web'

const dayMs = 86_400_000

/** An account of the organization and the unit that get the image. */
export const member = '333333333333'

const arn = 'arn:aws:organizations::999999999999'

/** Who gets the channel nightly: an account, a unit of an organization, and a whole organization. */
export const sharers: readonly string[] = [`account:${consumer}`, unit, organization]

/** `images/web.yaml`: one key's alias in three regions. The build's instance is reached from this machine alone. */
export const definitionText = (shares: readonly string[] = sharers): string => `schema: 1
owner: team-platform
os: {family: debian, release: "12", arch: [x86_64]}
base: {from: image, maxAge: 90d}
hardening: {profiles: [baseline]}
disk: {size: 4G}
targets:
  aws:
    account: "${factory}"
    build: {region: ${buildRegion}, network: {from: ["127.0.0.1/32"]}}
    regions: [${regions.join(', ')}]
    encrypt: {key: alias/golden, managePolicy: true}
    deprecate: 365d
channels: {nightly: {share: {aws: [${shares.map((who) => JSON.stringify(who)).join(', ')}]}}}
`

const officialId = 'ami-0000000000000d012'

/** What Debian offers in the region of the build, made some days ago. @param disk a raw file; null: its instances are such in name alone */
function officialSeed(disk: string | null): Seed {
  const made = new Date(Date.now() - 5 * dayMs).toISOString()
  return {
    accounts: [member],
    members: {
      [member]: {
        organization: `${arn}:organization/o-abcdefghij`,
        units: [`${arn}:ou/o-abcdefghij/ou-abcd-12345678`],
      },
    },
    images: [
      {
        id: officialId,
        name: `debian-12-amd64-${made.slice(0, 10).replaceAll('-', '')}-2299`,
        owner: '136693071363',
        alias: 'amazon',
        regions: [buildRegion],
        created: made,
        rootDeviceName: '/dev/xvda',
        ...(disk === null ? {} : { disk }),
      },
    ],
    parameters: [
      { name: '/aws/service/debian/release/12/latest/amd64', value: officialId, regions: [buildRegion] },
    ],
  }
}

export interface AwsCheckout {
  readonly cli: RealCli
  readonly cloud: StandIn
  /** ARNs of `alias/golden`, by region. */
  readonly keys: Readonly<Record<string, string>>
  /** What releases the image. */
  readonly release: readonly string[]
}

/** The real command line in a checkout with `images/web.yaml`, and an account with keys beside Debian's. @param disk as in `officialSeed` */
export async function awsCheckout(t: TestWorld, disk: string | null): Promise<AwsCheckout> {
  const root = join(t.folder, 'checkout')
  await realCheckout(root)
  await writeFile(join(root, 'images', `${image}.yaml`), definitionText())
  const cli = await realCli(join(t.folder, 'prepared'), root)
  const release = ['release', image, '--target', 'aws', '--trivy-db', await datedDb(t.folder)]
  const cloud = await startStandIn(t.world, { seed: officialSeed(disk) })
  return { cli, cloud, keys: await goldenKeys(cloud), release }
}
