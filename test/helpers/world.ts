import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../pipeline/ports/clock.ts'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { fetchBytes } from '../../pipeline/ports/fetch.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { findTools } from '../../pipeline/ports/find-tools.ts'
import { folderCatalog } from '../../pipeline/ports/folder-catalog.ts'
import { withLock } from '../../pipeline/ports/lock.ts'
import { nodeNet } from '../../pipeline/ports/net.ts'
import { catalogOpener } from '../../pipeline/ports/open-catalog.ts'
import { placesFrom } from '../../pipeline/ports/places.ts'
import type { Report } from '../../pipeline/ports/report.ts'
import { signing } from '../../pipeline/ports/signing.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { zip } from '../../pipeline/ports/zip.ts'

export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** Keeps what was told, instead of printing it. */
export interface Told {
  readonly lines: string[]
  readonly results: { readonly text: string; readonly data: unknown }[]
}

function recordingReport(told: Told, answer: boolean): Report {
  return {
    step: (name) => ({
      update: (text) => void told.lines.push(`${name}: ${text}`),
      done: (text) => void told.lines.push(`${name} done: ${text}`),
      skip: (text) => void told.lines.push(`${name} skipped: ${text}`),
      fail: (text) => void told.lines.push(`${name} failed: ${text}`),
    }),
    note: (text) => void told.lines.push(text),
    warn: (text) => void told.lines.push(`warning: ${text}`),
    result: (text, data) => void told.results.push({ text, data }),
    confirm: async () => answer,
    ask: async () => null,
    interactive: false,
  }
}

export interface TestWorld {
  readonly world: World
  readonly told: Told
  /** A private folder: catalog, keys, runs and bases are below it. */
  readonly folder: string
  /** Kills what still runs and removes the folder. */
  close(): Promise<void>
}

/** A world of real processes and files, below a new temporary folder; the tools are the machine's. */
export async function testWorld(
  options: { readonly now?: Date; readonly answer?: boolean } = {},
): Promise<TestWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'mintmark-test-'))
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  const exec = nodeExec(stop.signal)
  const own = placesFrom(process.env, checkout)
  const places = {
    ...placesFrom(
      {
        XDG_DATA_HOME: join(folder, 'data'),
        XDG_CACHE_HOME: join(folder, 'cache'),
        XDG_STATE_HOME: join(folder, 'state'),
      },
      checkout,
    ),
    tools: own.tools,
  }
  const told: Told = { lines: [], results: [] }
  const { now } = options
  const world: World = {
    exec,
    files: nodeFiles,
    withLock,
    net: nodeNet,
    fetch: fetchBytes,
    clock: now === undefined ? systemClock : { now: () => now, sleep: systemClock.sleep },
    report: recordingReport(told, options.answer ?? false),
    tools: findTools(exec, nodeFiles, own),
    catalog: folderCatalog(places.catalog, nodeFiles),
    openCatalog: catalogOpener({
      files: nodeFiles,
      env: process.env,
      cache: places.blobs,
      signal: stop.signal,
      warn: (text) => void told.lines.push(`warning: ${text}`),
    }),
    keys: signing(places.keys, nodeFiles),
    zip,
    places,
    env: process.env,
    signal: stop.signal,
  }
  return {
    world,
    told,
    folder,
    close: async () => {
      stop.abort()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
