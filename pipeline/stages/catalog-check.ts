import { inTurns } from '../core/all-ended.ts'
import { type KeyProblem, type NamedBlob, readContents } from '../core/catalog-contents.ts'
import { size } from '../core/size.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'

/** A blob that is named and is not there as it should be. */
export interface BrokenBlob extends NamedBlob {
  readonly status: 'missing' | 'corrupt'
  /** Digest of what is there instead. */
  readonly found: string | null
}

/** What a catalog holds, and what is wrong with it. */
export interface CatalogCheck {
  readonly location: string
  readonly keys: number
  /** Blobs that a record or an event names. */
  readonly blobs: number
  readonly bytes: number
  readonly problems: readonly KeyProblem[]
  readonly broken: readonly BrokenBlob[]
  /** Blobs that nothing names: of rejected runs, or of records that were not written to the end. */
  readonly orphans: { readonly count: number; readonly bytes: number }
  readonly leftovers: readonly string[]
  readonly strays: readonly string[]
}

/** A bucket answers each in its own time. */
export const keysAtOnce = 16
/** A disk is not faster by more. */
const blobsAtOnce = 4

/** As long as a writer takes between keys that belong together. */
const underWayMs = 1000

const moves = (key: string): boolean => key.startsWith('channels/') || key.endsWith('/head.json')

/** Every key's text. What moves is read first: writers may be at work, and must not seem to point to nothing. */
async function readKeys({ catalog }: World): Promise<ReadonlyMap<string, string>> {
  const read = async (key: string): Promise<readonly [string, string | null]> => [
    key,
    (await catalog.read(key))?.value ?? null,
  ]
  const moving = await inTurns((await catalog.list('')).filter(moves), keysAtOnce, read)
  const fixed = await inTurns(
    (await catalog.list('')).filter((key) => !moves(key)),
    keysAtOnce,
    read,
  )
  return new Map([...fixed, ...moving].flatMap(([key, text]) => (text === null ? [] : [[key, text]])))
}

async function checkBlob({ catalog }: World, blob: NamedBlob): Promise<BrokenBlob | null> {
  const state = await catalog.checkBlob(blob.sha256)
  switch (state.status) {
    case 'intact':
      return null
    case 'missing':
      return { ...blob, status: 'missing', found: null }
    case 'corrupt':
      return { ...blob, status: 'corrupt', found: state.found }
  }
}

/**
 * Reads a whole catalog: every key, and every byte of the blobs that records and events name. It changes nothing and judges no
 * signature; that is what `verify` is for.
 * @throws MintmarkError NOT_FOUND when nothing is there
 */
export async function checkCatalog(world: World, update: (text: string) => void): Promise<CatalogCheck> {
  const { catalog } = world
  update('reading the records')
  const first = await readKeys(world)
  const seen = readContents(first)
  // A move that is under way looks like one that was made by hand, and is over soon.
  if (seen.problems.length > 0) await world.clock.sleep(underWayMs)
  const keys = seen.problems.length > 0 ? await readKeys(world) : first
  const { problems, blobs } = seen.problems.length > 0 ? readContents(keys) : seen
  const bytes = blobs.reduce((sum, blob) => sum + blob.bytes, 0)
  let done = 0
  const looks = await inTurns(blobs, blobsAtOnce, async (blob) => {
    const broken = await checkBlob(world, blob)
    done += blob.bytes
    update(`read ${Math.floor((done / bytes) * 10) * 10} % of ${size(bytes)}`)
    return broken
  })
  const { blobs: stored, leftovers, strays } = await catalog.survey()
  if (keys.size === 0 && stored.length === 0)
    throw new MintmarkError('NOT_FOUND', `${catalog.location} holds no release`, {
      hint: 'check MINTMARK_CATALOG: it names the folder or the s3://BUCKET/PREFIX that releases are published to',
      where: { catalog: catalog.location },
    })
  const lost: readonly KeyProblem[] =
    keys.size > 0 ? [] : [{ key: 'releases/', text: `no record is there, and ${stored.length} blobs are` }]
  const named = new Set(blobs.map((blob) => blob.sha256))
  const orphans = stored.filter((blob) => !named.has(blob.sha256))
  return {
    location: catalog.location,
    keys: keys.size,
    blobs: blobs.length,
    bytes,
    problems: [...problems, ...lost],
    broken: looks.filter((look) => look !== null),
    orphans: { count: orphans.length, bytes: orphans.reduce((sum, blob) => sum + blob.bytes, 0) },
    leftovers,
    strays,
  }
}
