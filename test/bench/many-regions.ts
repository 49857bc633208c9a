import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from '../../pipeline/ports/world.ts'
import { factory, type StandIn, startStandIn } from '../cloud/stand-in.ts'
import type { Call } from '../cloud/stand-in-types.ts'
import { seedBase, underTest } from '../cloud/under-test.ts'
import { goldenKey } from '../helpers/aws-share.ts'
import type { TestWorld } from '../helpers/world.ts'

/** What the benchmarks of many regions have in common: the regions, what work costs, and Packer's own way. */

export const home = 'us-east-1'
export const regions = [
  home,
  ...[
    'us-east-2',
    'us-west-2',
    'ca-central-1',
    'sa-east-1',
    'eu-west-1',
    'eu-west-2',
    'eu-west-3',
    'eu-central-1',
  ],
  ...['eu-north-1', 'eu-south-1', 'ap-south-1', 'ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3'],
  ...['ap-southeast-1', 'ap-southeast-2'],
]

export const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Who a release is shared with: 200 accounts and 3 units of one organization. */
export const accounts = Array.from({ length: 200 }, (_, index) => String(500_000_000_000 + index))
export const units = ['1', '2', '3'].map((one) => `o-abcdefghij/ou-abcd-1234567${one}`)
export const principals: readonly string[] = [
  ...accounts.map((one) => `account:${one}`),
  ...units.map((one) => `ou:999999999999/${one}`),
]

/** An account in all of the regions, with a key `alias/golden` in each, in whose environment this process is until it is closed. */
export async function startRegions(world: World) {
  const cloud = await startStandIn(world)
  const entered = cloud.enter()
  const base = await seedBase(cloud)
  await cloud.seed({ regions })
  const under = underTest(
    () => cloud,
    () => base,
  )
  const keys: Record<string, string> = {}
  for (const region of regions) keys[region] = await goldenKey(under.kms(factory, region))
  const close = async (): Promise<void> => {
    entered.restore()
    await cloud.close()
  }
  return { cloud, entered, base, under, keys, close }
}

const isChange = ({ action }: Call): boolean => !/^(?:Describe|Get|List)/.test(action)

export interface Cost {
  readonly seconds: number
  readonly calls: readonly Call[]
}

export async function costOf(cloud: StandIn, work: () => Promise<unknown>): Promise<Cost> {
  const before = (await cloud.calls()).length
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1000
  return { seconds, calls: (await cloud.calls()).slice(before) }
}

export const costText = ({ seconds, calls }: Cost): string =>
  `${seconds.toFixed(1)} s, ${calls.length} calls, of which ${calls.filter(isChange).length} change something`

/**
 * An image by Packer's amazon plugin, from an instance that nobody logs in to, encrypted by `alias/golden`.
 * @param more options of amazon-ebs
 * @returns what it cost, and Packer's log with a time before each line
 */
export async function packerBuild(
  test: TestWorld,
  cloud: StandIn,
  folder: string,
  more: Readonly<Record<string, unknown>>,
): Promise<{ readonly cost: Cost; readonly log: string }> {
  const { exec, tools } = test.world
  const [packer, plugin] = [await tools.need('packer'), await tools.need('packer-plugin-amazon')]
  const image = {
    region: home,
    instance_type: 't3.micro',
    communicator: 'none',
    custom_endpoint_ec2: cloud.endpoint,
    skip_region_validation: true,
    skip_credential_validation: true,
    skip_metadata_api_check: true,
    encrypt_boot: true,
    kms_key_id: 'alias/golden',
    aws_polling: { delay_seconds: 1, max_attempts: 300 },
    ...more,
  }
  const template = join(folder, 'image.pkr.json')
  const content = { source: { 'amazon-ebs': { image } }, build: { sources: ['source.amazon-ebs.image'] } }
  await writeFile(template, JSON.stringify(content))
  const env = {
    ...cloud.env,
    PACKER_PLUGIN_PATH: join(folder, 'plugins'),
    PACKER_CONFIG_DIR: join(folder, 'config'),
    CHECKPOINT_DISABLE: '1',
    PACKER_NO_COLOR: '1',
  }
  const address = 'github.com/hashicorp/amazon'
  await exec.run([packer.path, 'plugins', 'install', '--path', plugin.path, address], { env })
  let log = ''
  const cost = await costOf(cloud, async () => {
    log = (await exec.run([packer.path, 'build', '-timestamp-ui', template], { env })).stdout
  })
  return { cost, log }
}

/** Options of amazon-ebs that copy to all regions, each copy with its region's key. */
export const packerCopies = {
  ami_regions: regions,
  region_kms_key_ids: Object.fromEntries(regions.map((region) => [region, 'alias/golden'])),
}
