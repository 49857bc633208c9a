import { canonicalJson, sha256 } from '../core/digest.ts'
import { parsedJson } from '../core/parsed-json.ts'
import type { Problem, ShareLine } from '../core/share-plan.ts'
import { MintmarkError } from '../errors.ts'
import { ShareIntent } from '../model/share.ts'
import type { Entry } from '../ports/catalog.ts'
import type { World } from '../ports/world.ts'

const keyOf = (image: string, principal: string): string => `shares/${image}/${sha256(principal)}.json`

/** Every writer that gets in between has changed the list; this many at once is no coincidence. */
const attempts = 20

/** @throws MintmarkError VERIFY_FAILED */
function parseIntent(key: string, { value }: Entry): ShareIntent {
  const parsed = ShareIntent.safeParse(parsedJson(value))
  if (parsed.success && keyOf(parsed.data.image, parsed.data.principal) === key) return parsed.data
  throw new MintmarkError('VERIFY_FAILED', `${key} is no list of what is shared with somebody`, {
    hint: './mintmark catalog check',
  })
}

/** Channels that principals were to get, whether or not an event told so; what can't be read is told, and hides no other. */
export async function readIntents(
  world: World,
  image: string,
): Promise<{ readonly intents: readonly ShareLine[]; readonly problems: readonly Problem[] }> {
  const intents: ShareLine[] = []
  const problems: Problem[] = []
  for (const key of await world.catalog.list(`shares/${image}/`)) {
    const entry = await world.catalog.read(key)
    if (entry === null) continue
    try {
      const { principal, lines } = parseIntent(key, entry)
      intents.push(...lines.map((line) => ({ ...line, principal })))
    } catch (cause) {
      if (!(cause instanceof MintmarkError)) throw cause
      problems.push({ why: cause.message, hint: cause.hint })
    }
  }
  return { intents, problems }
}

async function change(
  world: World,
  image: string,
  principal: string,
  to: (lines: ShareIntent['lines']) => ShareIntent['lines'],
): Promise<void> {
  const key = keyOf(image, principal)
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const entry = await world.catalog.read(key)
    const before = entry === null ? [] : parseIntent(key, entry).lines
    const lines = to(before)
    if (lines === before) return
    const text = canonicalJson({ schema: 1, image, principal, lines } satisfies ShareIntent)
    const written =
      entry === null
        ? await world.catalog.createOnly(key, text)
        : await world.catalog.compareAndSwap(key, entry.etag, text)
    if (written) return
  }
  throw new MintmarkError('CONFLICT', `${key} changed ${attempts} times while it was to be written`)
}

const isLine =
  ({ channel, variant }: Omit<ShareLine, 'principal'>) =>
  (item: ShareIntent['lines'][number]): boolean =>
    item.channel === channel && item.variant === variant

/** Says that the principal is about to get the channel, before it gets anything. @throws MintmarkError CONFLICT, VERIFY_FAILED */
export const intend = (world: World, image: string, line: ShareLine): Promise<void> =>
  change(world, image, line.principal, (lines) =>
    lines.some(isLine(line)) ? lines : [...lines, { channel: line.channel, variant: line.variant }],
  )

/** Forgets a channel of a principal, once nothing of it is there and its history says so. @throws MintmarkError CONFLICT, VERIFY_FAILED */
export const forget = (world: World, image: string, line: ShareLine): Promise<void> =>
  change(world, image, line.principal, (lines) =>
    lines.some(isLine(line)) ? lines.filter((item) => !isLine(line)(item)) : lines,
  )
