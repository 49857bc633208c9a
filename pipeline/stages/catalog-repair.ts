import { join } from 'node:path'
import { canonicalJson, sha256 } from '../core/digest.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import { BuildResult, Bundle, ScanReport, TestReport } from '../model/stages.ts'
import type { Catalog } from '../ports/catalog.ts'
import type { World } from '../ports/world.ts'
import type { BrokenBlob } from './catalog-check.ts'
import { loadDefinition } from './load-definition.ts'
import { storedValues } from './stored-values.ts'

/** What became of a broken blob. */
export interface Repair {
  readonly sha256: string
  /** Where the right bytes came from; null when there are none. */
  readonly from: string | null
  /** Where the wrong ones are now, where they are kept. */
  readonly aside: string | null
}

interface Copy {
  readonly from: string
  readonly source: string | Uint8Array
}

/** Run folders of the image, that of the run which made the blob first. */
async function runFolders({ files, places }: World, blob: BrokenBlob): Promise<readonly string[]> {
  const folder = join(places.runs, blob.image)
  const isRunOf = (name: string): boolean => name === blob.run || name.startsWith(`${blob.run}@`)
  const runs = (await files.info(folder))?.kind === 'folder' ? await files.list(folder) : []
  return [...runs].sort((a, b) => Number(isRunOf(b)) - Number(isRunOf(a))).map((run) => join(folder, run))
}

/** Files of that size below the folder; links are not followed. */
async function filesOfSize(world: World, folder: string, bytes: number): Promise<readonly string[]> {
  const info = await world.files.info(folder)
  if (info?.kind === 'file') return info.size === bytes ? [folder] : []
  if (info?.kind !== 'folder') return []
  const found: string[] = []
  for (const name of await world.files.list(folder))
    found.push(...(await filesOfSize(world, join(folder, name), bytes)))
  return found
}

/** Reports that were made from the results of stages, and have no file of their own. */
async function valuesOfRun(world: World, folder: string): Promise<readonly string[]> {
  const outputOf = async (stage: string): Promise<unknown> => {
    const path = join(folder, `${stage}.json`)
    if ((await world.files.info(path)) === null) return null
    const file = parsedJson(await world.files.readText(path))
    return typeof file === 'object' && file !== null && 'output' in file ? file.output : null
  }
  const render = Bundle.safeParse(await outputOf('render'))
  const build = BuildResult.safeParse(await outputOf('build'))
  const test = TestReport.safeParse(await outputOf('test'))
  const scan = ScanReport.safeParse(await outputOf('scan'))
  const values = [
    ...(render.success ? [storedValues.bundle({ render: render.data })] : []),
    ...(build.success ? [storedValues.build({ build: build.data })] : []),
    ...(test.success ? [storedValues.test({ test: test.data })] : []),
    ...(scan.success ? [storedValues.findings({ scan: scan.data })] : []),
  ]
  return values.map(canonicalJson)
}

async function inRuns(world: World, blob: BrokenBlob): Promise<Copy | null> {
  for (const folder of await runFolders(world, blob)) {
    for (const path of await filesOfSize(world, folder, blob.bytes))
      if ((await world.files.sha256(path)) === blob.sha256) return { from: path, source: path }
    const value = (await valuesOfRun(world, folder)).find((text) => sha256(text) === blob.sha256)
    if (value !== undefined) return { from: folder, source: Buffer.from(value) }
  }
  return null
}

async function inCache({ files, places }: World, blob: BrokenBlob): Promise<Copy | null> {
  const path = join(places.blobs, blob.sha256)
  if ((await files.info(path))?.kind !== 'file' || (await files.sha256(path)) !== blob.sha256) return null
  return { from: path, source: path }
}

/** The definition that is in the checkout now, if it has not changed since. */
async function inCheckout(world: World, blob: BrokenBlob): Promise<Copy | null> {
  try {
    const text = canonicalJson(
      storedValues.definition({ definition: await loadDefinition(world, blob.image) }),
    )
    return sha256(text) === blob.sha256
      ? { from: `images/${blob.image}.yaml`, source: Buffer.from(text) }
      : null
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    return null // there is none, or it is no longer valid
  }
}

async function inCatalog(from: Catalog | null, blob: BrokenBlob): Promise<Copy | null> {
  const taken = await from?.takeBlob(blob.sha256)
  if (from === null || taken?.status !== 'intact') return null
  return { from: from.blobAddress(blob.sha256), source: taken.path }
}

/** Null when it could not be restored; that ends no repair of the others. */
async function restored(
  { catalog, report }: World,
  blob: BrokenBlob,
  { from, source }: Copy,
): Promise<Repair | null> {
  try {
    return { sha256: blob.sha256, from, aside: await catalog.restoreBlob(blob.sha256, source) }
  } catch (cause) {
    // Somebody writes it just now, or the copy was changed since it was looked at.
    if (!(cause instanceof MintmarkError) || !['CONFLICT', 'CHAIN_BROKEN'].includes(cause.code)) throw cause
    report.warn(cause.message)
    return null
  }
}

/**
 * Puts the right bytes back where a copy of them is left: in the cache, in a run folder, in the checkout, or in another catalog. No
 * record, pointer or event is touched. Stopped in the middle it leaves each blob as it was or restored.
 * @param from another catalog to look in, or null
 */
export async function repairCatalog(
  world: World,
  broken: readonly BrokenBlob[],
  from: Catalog | null,
  update: (text: string) => void,
): Promise<readonly Repair[]> {
  const repairs: Repair[] = []
  for (const blob of broken) {
    update(`looking for a copy of ${blob.names[0] ?? blob.sha256}`)
    const copy =
      (await inCache(world, blob)) ??
      (await inRuns(world, blob)) ??
      (await inCheckout(world, blob)) ??
      (await inCatalog(from, blob))
    const repair = copy === null ? null : await restored(world, blob, copy)
    repairs.push(repair ?? { sha256: blob.sha256, from: null, aside: null })
  }
  return repairs
}
