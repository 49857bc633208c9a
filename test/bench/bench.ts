import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { findTools } from '../../pipeline/ports/find-tools.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import { readDisk } from '../../pipeline/targets/disk/read-disk.ts'
import { checkout, testWorld } from '../helpers/world.ts'

/** Figures as ratios, each pair measured in this run. Needs a finished release on this machine. */
const exec = nodeExec(new AbortController().signal)
const places = placesFrom(process.env, checkout)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

async function seconds(argv: readonly string[], cwd: string): Promise<number> {
  const began = performance.now()
  await exec.run(argv, { cwd })
  return (performance.now() - began) / 1000
}

/** Our own time against the total, from the stage files of the latest finished run. */
async function ownShare(): Promise<string> {
  const finished: { folder: string; created: string }[] = []
  for (const image of await nodeFiles.list(places.runs)) {
    for (const run of await nodeFiles.list(join(places.runs, image))) {
      const folder = join(places.runs, image, run)
      if ((await nodeFiles.info(join(folder, 'record.json'))) === null) continue
      finished.push({ folder, created: JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')).created })
    }
  }
  const latest = finished.sort((a, b) => (a.created < b.created ? 1 : -1))[0]
  if (latest === undefined)
    throw new Error('no finished release here: ./mintmark release debian-13 --yes first')
  let total = 0
  let children = 0
  for (const name of ['base', 'render', 'build', 'test', 'scan', 'gate', 'publish', 'record']) {
    const file = JSON.parse(await readFile(join(latest.folder, `${name}.json`), 'utf8')) as {
      seconds: number
      children: number
    }
    total += file.seconds
    children += Math.min(file.children, file.seconds)
    say(
      `  ${name.padEnd(8)} ${file.seconds.toFixed(1).padStart(6)} s, of which ${file.children.toFixed(1).padStart(6)} s in Packer, bootstrap, machines, Trivy`,
    )
  }
  const share = ((total - children) / total) * 100
  say(
    `own seconds: ${(total - children).toFixed(1)} of ${total.toFixed(1)} = ${share.toFixed(1)}% (at most 5%)`,
  )
  return join(latest.folder, 'image.qcow2')
}

async function startUp(): Promise<void> {
  const ours: number[] = []
  const bare: number[] = []
  for (let round = 0; round < 21; round += 1) {
    bare.push(await seconds([process.execPath, '-e', '0'], checkout))
    ours.push(await seconds([join(checkout, 'mintmark'), '--help'], checkout))
  }
  say(
    `./mintmark --help ${(median(ours) * 1000).toFixed(0)} ms / node -e 0 ${(median(bare) * 1000).toFixed(0)} ms = ${(median(ours) / median(bare)).toFixed(2)} (at most 2.5)`,
  )
}

async function onePass(image: string): Promise<void> {
  const trivy = (await findTools(exec, nodeFiles, places).need('trivy')).path
  const made = await testWorld()
  const work = await mkdtemp(join(tmpdir(), 'mintmark-bench-'))
  try {
    const tree = join(work, 'tree')
    await nodeFiles.makeFolder(tree)
    const { root } = await readDisk(made.world, image, tree)
    const cache = join(work, 'cache/db')
    await nodeFiles.makeFolder(cache)
    for (const name of await readdir(join(checkout, 'test/fixtures/trivy-db')))
      await nodeFiles.copy(join(checkout, 'test/fixtures/trivy-db', name), join(cache, name))
    const common = [
      '--cache-dir',
      join(work, 'cache'),
      '--skip-db-update',
      '--skip-java-db-update',
      // Without a Java database Trivy gives up on the first archive; the product's own configuration leaves them out, too.
      '--skip-files',
      '**/*.jar',
      '--offline-scan',
      '--quiet',
    ]
    const scan = (format: string, scanners: string): readonly string[] => [
      trivy,
      'rootfs',
      ...common,
      '--scanners',
      scanners,
      '--format',
      format,
      ...(format === 'json' ? ['--list-all-pkgs'] : []),
      '-o',
      `out.${format}`,
      root,
    ]
    const convert = (format: string): readonly string[] => [
      trivy,
      'convert',
      '--quiet',
      '--format',
      format,
      '-o',
      `converted.${format}`,
      'out.json',
    ]
    const once: number[] = []
    const apart: number[] = []
    for (let round = 0; round < 3; round += 1) {
      let sum = await seconds(scan('json', 'vuln,secret'), work)
      for (const format of ['cyclonedx', 'spdx-json', 'sarif', 'table'])
        sum += await seconds(convert(format), work)
      once.push(sum)
      sum = 0
      for (const format of ['json', 'sarif', 'table']) sum += await seconds(scan(format, 'vuln,secret'), work)
      for (const format of ['cyclonedx', 'spdx-json']) sum += await seconds(scan(format, 'vuln'), work)
      apart.push(sum)
    }
    say(
      `one pass and conversions ${median(once).toFixed(1)} s / separate scans ${median(apart).toFixed(1)} s = ${(median(once) / median(apart)).toFixed(2)}`,
    )
  } finally {
    await rm(work, { recursive: true, force: true })
    await made.close()
  }
}

/** In a process of its own, whose memory is measured. */
async function runApart(script: string, ...options: readonly string[]): Promise<void> {
  const path = join(checkout, 'test/bench', script)
  const { stdout } = await exec.run([process.execPath, '--import', 'tsx', path, ...options], {
    cwd: checkout,
  })
  say(stdout.trim())
}

const image = await ownShare()
await startUp()
await onePass(image)
await runApart('read-snapshot.ts', '2048')
await runApart('read-snapshot.ts', '2048', '100')
await runApart('share.ts')
