import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { aws } from '../../pipeline/targets/aws/aws.ts'
import { factory } from '../cloud/stand-in.ts'
import { amiBase } from '../helpers/ami-release.ts'
import { channelWorld, released, trustOwnKey } from '../helpers/channel-world.ts'
import { builtAmi } from '../helpers/publish-cloud.ts'
import { type Ended, realCheckout, realCli, run } from '../helpers/real-cli.ts'
import { costOf, costText, home, principals, regions, say, startRegions } from './many-regions.ts'

/**
 * The most memory that the command line itself takes, and its seconds as a person sees them: a channel is moved to a release that is then
 * brought to 17 regions, and shared with 200 accounts and 3 units. Argument: milliseconds that are added to each call (100).
 */
const [latencyMs = 100] = process.argv.slice(2).map(Number)
const image = 'debian-13'
const target = {
  account: factory,
  build: { region: home },
  regions,
  encrypt: { key: 'alias/golden', managePolicy: true },
}
const channels = { nightly: {}, stable: { needs: { approvals: 0, soak: '0h' }, share: { aws: principals } } }

const { box, world } = await channelWorld()
const { cloud, keys, close } = await startRegions(box.world)
try {
  const { root } = world.places
  await realCheckout(root)
  await trustOwnKey(world)
  const path = join(root, `images/${image}.yaml`)
  const text = (await world.files.readText(path))
    .replace(/^targets:.*$/m, `targets: ${JSON.stringify({ aws: target })}`)
    .replace(/^channels:.*$/m, `channels: ${JSON.stringify(channels)}`)
    .replace('from: archive', 'from: image')
  await world.files.write(path, text)
  const { artifact } = await builtAmi(cloud, keys[home] ?? '', '1.0.0', image)
  const definition = await loadDefinition(world, image)
  await released(world, 'r-1', { target: aws, base: amiBase, built: artifact, definition })
  await cloud.change({ settings: { latencyMs } })

  const cli = await realCli(box.folder, root)
  const peakFile = join(box.folder, 'peak')
  const env = {
    ...cloud.env,
    PEAK_FILE: peakFile,
    NODE_OPTIONS: `--import=${new URL('peak.mjs', import.meta.url).href}`,
    // No database can be had: the last look is judged, wherever it runs.
    HTTPS_PROXY: 'http://127.0.0.1:9',
  }
  let most = 0
  const measured = async (title: string, ...args: readonly string[]): Promise<void> => {
    let ended: Ended | null = null
    const cost = await costOf(cloud, async () => {
      ended = await run(cli, args, { env })
    })
    const { code, stdout, stderr } = ended ?? { code: null, stdout: '', stderr: '' }
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}\n${stdout}${stderr}`)
    const peak = Number(await readFile(peakFile, 'utf8'))
    most = Math.max(most, peak)
    say(`${title}  ${peak.toFixed(0)} MiB, ${costText(cost)}`)
  }
  say(
    `${regions.length} regions, ${principals.length} principals, ${latencyMs} ms added to each call; whole commands, with Node's start`,
  )
  await measured(
    'promote, with copies to all regions',
    'promote',
    `${image}@1.0.0`,
    'stable',
    '--by',
    'bench',
  )
  await measured('promote with nothing to do', 'promote', `${image}@1.0.0`, 'stable', '--by', 'bench')
  await measured('share plan', 'share', 'plan', image)
  await measured('share apply', 'share', 'apply', image)
  await measured('share plan with nothing to do', 'share', 'plan', image)
  say(`${most.toFixed(0)} MiB of memory at most (250)`)
} finally {
  await close()
  await box.close()
}
