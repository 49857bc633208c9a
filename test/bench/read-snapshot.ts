import { mkdtemp, open, rm } from 'node:fs/promises'
import { Agent, get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { awsCalls } from '../../pipeline/targets/aws/client.ts'
import { copySnapshots } from '../../pipeline/targets/aws/disk/copy-snapshots.ts'
import { blockBytes, listBlocks } from '../../pipeline/targets/aws/disk/list-blocks.ts'
import { factory, startStandIn } from '../cloud/stand-in.ts'
import { testWorld } from '../helpers/world.ts'

/**
 * The used blocks of an 8 GiB snapshot, read by us and by a plain parallel download of the same bytes from the same stand-in; the most memory
 * that our process took. Arguments: MiB that are in use (1024), milliseconds that are added to each call (0),
 * how many blocks at once (64).
 */
const mib = 2 ** 20
const [usedMib = 1024, latencyMs = 0, atOnce = 64] = process.argv.slice(2).map(Number)
const say = (text: string): void => void process.stdout.write(`${text}\n`)

async function makeDisk(path: string): Promise<void> {
  const file = await open(path, 'w')
  await file.truncate(8 * 1024 * mib)
  const bytes = Buffer.alloc(mib)
  // In pieces all over the disk, as a file system has it.
  const step = Math.floor((8 * 1024) / usedMib)
  for (let at = 0; at < usedMib; at += 1) {
    bytes.fill(`${at} of the disk, `)
    await file.write(bytes, 0, mib, at * step * mib)
  }
  await file.close()
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}

/** No SDK, no checksum, nothing written. */
async function download(endpoint: string, region: string, snapshotId: string, blocks: readonly Listed[]) {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const scope = `AKIA${factory}TEST/20261122/${region}/ebs/aws4_request`
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`
  let at = 0
  let bytes = 0
  const worker = async (): Promise<void> => {
    for (;;) {
      const block = blocks[at]
      at += 1
      if (block === undefined) return
      const token = encodeURIComponent(block.token)
      const url = `${endpoint}/snapshots/${snapshotId}/blocks/${block.index}?blockToken=${token}`
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        get(url, { agent, headers: { authorization } }, resolve).on('error', reject)
      })
      for await (const chunk of answer as AsyncIterable<Buffer>) bytes += chunk.length
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  agent.destroy()
  if (bytes !== blocks.length * blockBytes) throw new Error(`${bytes} bytes came`)
}
type Listed = Awaited<ReturnType<typeof listBlocks>>['blocks'][number]

const folder = await mkdtemp(join(tmpdir(), 'mintmark-bench-'))
const test = await testWorld()
const cloud = await startStandIn(test.world, { settings: { latencyMs } })
const environment = cloud.enter()
const region = 'us-east-1'
const calls = awsCalls({ region, signal: test.world.signal })
try {
  const disk = join(folder, 'disk.raw')
  await makeDisk(disk)
  const snapshotId = 'snap-0123456789abcdef0'
  await cloud.seed({ images: [{ name: 'bench', owner: factory, disk, snapshotId }] })
  const to = join(folder, 'copy.raw')
  const world = test.world
  await listBlocks(calls, snapshotId, 0)
  const before = process.resourceUsage().maxRSS / 1024
  const ours = await timed(() =>
    copySnapshots(calls, { world, snapshotIds: [snapshotId], to, update: () => undefined, atOnce }),
  )
  const memory = process.resourceUsage().maxRSS / 1024
  const { blocks, next } = await listBlocks(calls, snapshotId, 0)
  if (next !== null) throw new Error('more blocks than one page has: use fewer MiB')
  const plain = await timed(() => download(cloud.endpoint, region, snapshotId, blocks))
  const rate = (seconds: number): string => `${(usedMib / seconds).toFixed(0)} MiB/s`
  say(
    `${usedMib} MiB of an 8 GiB snapshot, ${latencyMs} ms added to each call: ${rate(ours)} / plain download ${rate(plain)} = ${(plain / ours).toFixed(2)}; ${memory.toFixed(0)} MiB of memory at most (250), ${before.toFixed(0)} before it began`,
  )
} finally {
  calls.close()
  environment.restore()
  await cloud.close()
  await test.close()
  await rm(folder, { recursive: true, force: true })
}
