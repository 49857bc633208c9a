import { size as sized } from '../../../core/size.ts'
import { MintmarkError } from '../../../errors.ts'
import type { PutBytes } from '../../../ports/files.ts'
import type { World } from '../../../ports/world.ts'
import type { AwsCalls } from '../client.ts'
import { pause } from '../pause.ts'
import { fetchBlock } from './fetch-block.ts'
import { type BlockPage, blockBytes, type ListedBlock, listBlocks } from './list-blocks.ts'

/** Requests that are under way at the same time: enough for 500 MB/s where an answer takes 60 ms. */
const blocksAtOnce = 64
/** It is given up when no block has come for so long. */
const patienceMs = 10 * 60_000
const longestPauseMs = 15_000
/** A block may come with wrong bytes, and its token be refused, so often. */
const mostWrong = 3
const tellEvery = 128

export interface SnapshotsInput {
  readonly world: Pick<World, 'files' | 'clock' | 'signal'>
  /** Their disks follow each other in the file. */
  readonly snapshotIds: readonly string[]
  /** Absolute path of the raw file, whole or not there; 0600. */
  readonly to: string
  /** For progress. */
  readonly update: (text: string) => void
  readonly atOnce?: number
  readonly patienceMs?: number
}

export interface CopiedSnapshots {
  /** Of the blocks that the snapshots have. */
  readonly bytes: number
  /** Of the disks, with their holes. */
  readonly virtualBytes: number
  readonly blocks: number
}

/** How many requests are let out: half as many after a refusal of the service, slowly more while it answers. */
interface Flow {
  limit: number
  answered: number
  cutMs: number
  lastMs: number
}

/** A snapshot that is being read; its place in the file. */
interface Reading {
  readonly calls: AwsCalls
  readonly input: SnapshotsInput
  readonly snapshotId: string
  readonly put: PutBytes
  readonly offset: number
  readonly flow: Flow
  /** One for each request that may be under way: memory stays flat. */
  readonly buffers: readonly Uint8Array[]
}

const pauseMs = (waits: number): number => Math.min(1000 * 2 ** waits, longestPauseMs)

const empty = new Uint8Array(blockBytes)

function answered(flow: Flow, most: number, nowMs: number): void {
  flow.lastMs = nowMs
  flow.answered += 1
  if (flow.answered < flow.limit) return
  flow.answered = 0
  flow.limit = Math.min(most, flow.limit + 1)
}

function slower(flow: Flow, nowMs: number): void {
  // All that were under way fail together: that is one refusal.
  if (nowMs - flow.cutMs < 1000) return
  flow.cutMs = nowMs
  flow.answered = 0
  flow.limit = Math.max(1, Math.floor(flow.limit / 2))
}

/** A later page: what was begun is not given up for a service that is away for some minutes. */
async function listOn({ calls, snapshotId, flow, input }: Reading, from: number): Promise<BlockPage> {
  const { clock } = input.world
  for (let waits = 0; ; waits += 1) {
    try {
      const page = await listBlocks(calls, snapshotId, from)
      flow.lastMs = clock.now().getTime()
      return page
    } catch (cause) {
      const away = cause instanceof MintmarkError && cause.code === 'PROVIDER_UNREACHABLE'
      if (!away || clock.now().getTime() - flow.lastMs > (input.patienceMs ?? patienceMs)) throw cause
      await pause(input.world, pauseMs(waits))
    }
  }
}

/** The tokens of a page, listed anew by the first block whose own has expired. */
interface Tokens {
  /** The block's token, another one than that which was refused. */
  renewed(index: number, refused: string): Promise<string>
  of(block: ListedBlock): string
}

function tokensOf(reading: Reading, page: BlockPage): Tokens {
  let known: ReadonlyMap<number, string> | null = null
  let listing: Promise<ReadonlyMap<number, string>> | null = null
  const list = async (): Promise<ReadonlyMap<number, string>> => {
    const again = await listOn(reading, page.blocks[0]?.index ?? 0)
    return new Map(again.blocks.map(({ index, token }) => [index, token]))
  }
  const of = ({ index, token }: ListedBlock): string => known?.get(index) ?? token
  return {
    of,
    async renewed(index, refused) {
      const other = known?.get(index)
      if (other !== undefined && other !== refused) return other
      listing ??= list().finally(() => {
        listing = null
      })
      known = await listing
      return known.get(index) ?? refused
    },
  }
}

/** Brings one block to its place in the file. */
async function copyBlock(
  reading: Reading,
  listed: ListedBlock,
  tokens: Tokens,
  into: Uint8Array,
): Promise<void> {
  const { calls, snapshotId, flow, input } = reading
  const { clock } = input.world
  const now = (): number => clock.now().getTime()
  let block: ListedBlock = { index: listed.index, token: tokens.of(listed) }
  let wrong = 0
  let waits = 0
  for (;;) {
    const { problem, error } = await fetchBlock(calls, snapshotId, block, into)
    if (error === null) {
      answered(flow, reading.buffers.length, now())
      // What was written and is empty again stays a hole.
      if (Buffer.compare(into, empty) !== 0)
        await reading.put(into, reading.offset + block.index * blockBytes)
      return
    }
    if (problem === 'refused') throw error
    if (problem === 'unreachable') {
      if (now() - flow.lastMs > (input.patienceMs ?? patienceMs)) throw error
      slower(flow, now())
      await pause(input.world, pauseMs(waits))
      waits += 1
      continue
    }
    wrong += 1
    if (wrong >= mostWrong) throw error
    if (problem === 'token')
      block = { index: block.index, token: await tokens.renewed(block.index, block.token) }
  }
}

async function copyPage(reading: Reading, page: BlockPage, before: number): Promise<void> {
  const { input, flow, snapshotId } = reading
  const { blocks } = page
  const tokens = tokensOf(reading, page)
  const all = page.next === null ? ` of ${sized((before + blocks.length) * blockBytes)}` : ''
  let at = 0
  let done = 0
  let failed = false
  const worker = async (buffer: Uint8Array, which: number): Promise<void> => {
    try {
      for (;;) {
        const block = blocks[at]
        if (block === undefined || failed) return
        if (which >= flow.limit) {
          await pause(input.world, 250)
          continue
        }
        at += 1
        await copyBlock(reading, block, tokens, buffer)
        done += 1
        if (done % tellEvery === 1)
          input.update(`reading ${snapshotId}: ${sized((before + done) * blockBytes)}${all}`)
      }
    } catch (cause) {
      failed = true
      throw cause
    }
  }
  // All end before an error is passed on: none may write to a file that is closed.
  const ended = await Promise.allSettled(reading.buffers.map(worker))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
}

/**
 * Copies the disks that snapshots hold into one sparse raw file, block by block and many at once; each block is held against its
 * checksum. Throttling and lost connections are waited out; a file that is not whole is never under the name `to`.
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE when nothing came for ten minutes, NO_SPACE, INTERRUPTED
 */
export async function copySnapshots(calls: AwsCalls, input: SnapshotsInput): Promise<CopiedSnapshots> {
  const { world, snapshotIds, to } = input
  const firsts: { readonly snapshotId: string; readonly page: BlockPage }[] = []
  for (const snapshotId of snapshotIds)
    firsts.push({ snapshotId, page: await listBlocks(calls, snapshotId, 0) })
  const sum = (of: (page: BlockPage) => number): number => firsts.reduce((all, { page }) => all + of(page), 0)
  const virtualBytes = sum((page) => page.virtualBytes)
  const least = sum((page) => page.blocks.length) * blockBytes
  const free = await world.files.freeBytes(to)
  if (free < least)
    throw new MintmarkError(
      'NO_SPACE',
      `reading ${snapshotIds.join(', ')} takes at least ${least} bytes, ${free} are free`,
      { where: { path: to } },
    )
  const atOnce = input.atOnce ?? blocksAtOnce
  const began = world.clock.now().getTime()
  const flow: Flow = { limit: atOnce, answered: 0, cutMs: 0, lastMs: began }
  const buffers = Array.from({ length: atOnce }, () => Buffer.alloc(blockBytes))
  let blocks = 0
  await world.files.writeSparse(
    to,
    virtualBytes,
    async (put) => {
      let offset = 0
      for (const { snapshotId, page: first } of firsts) {
        const reading: Reading = { calls, input, snapshotId, put, offset, flow, buffers }
        let read = 0
        for (let page = first; ; page = await listOn(reading, page.next)) {
          await copyPage(reading, page, read)
          read += page.blocks.length
          if (page.next === null) break
        }
        blocks += read
        offset += first.virtualBytes
      }
    },
    { mode: 0o600 },
  )
  return { bytes: blocks * blockBytes, virtualBytes, blocks }
}
