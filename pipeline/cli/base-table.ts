import { columns } from '../core/columns.ts'
import { lifecycleAt, lifecycleRow } from '../core/lifecycle.ts'
import { namedTargets } from '../core/variants.ts'
import type { Definition } from '../model/definition.ts'
import type { World } from '../ports/world.ts'
import { findLock } from '../stages/base-lock.ts'
import { imageNames, loadDefinition } from '../stages/load-definition.ts'
import { ageText } from './base-text.ts'

const names = ['image', 'os', 'base', 'lifecycle', 'until', 'pinned'] as const
type Row = Readonly<Record<(typeof names)[number], string>>

/** What the lock pins, in a few words; a dash without one. */
async function pinnedBy(world: World, image: string, definition: Definition): Promise<string> {
  const { base } = definition
  if ('image' in base) return '-'
  const pinned = namedTargets(definition).map(async (target) => {
    const lock = await findLock(world, image, target)
    if (lock === null) return '-'
    return lock.from === 'archive'
      ? `lock of ${lock.updated.slice(0, 10)}`
      : `${lock.name}, ${ageText(lock.built, base.maxAge, world.clock.now())}`
  })
  return (await Promise.all(pinned)).join('; ')
}

/** All definitions and how far into its life each one's release is, without a look at any archive. */
export async function baseTable(
  world: World,
): Promise<{ readonly text: string; readonly data: { readonly images: readonly Row[] } }> {
  const rows: Row[] = []
  for (const image of await imageNames(world)) {
    const definition = await loadDefinition(world, image)
    const { os, base } = definition
    const row = lifecycleRow(os)
    const state = row === null ? null : lifecycleAt(row, world.clock.now())
    rows.push({
      image,
      os: `${os.family} ${os.release}`,
      base: 'image' in base ? `${base.image}@${base.channel}` : base.from,
      lifecycle: state?.state ?? 'not known',
      until: state?.until ?? '-',
      pinned: await pinnedBy(world, image, definition),
    })
  }
  const text = columns([names, ...rows.map((row) => names.map((name) => row[name]))])
  return { text, data: { images: rows } }
}
