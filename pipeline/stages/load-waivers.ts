import { join } from 'node:path'
import { checkWaivers } from '../core/check-waivers.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { type KeptWaiver, subjectOf } from '../core/waivers.ts'
import { MintmarkError } from '../errors.ts'
import { WaiverFile } from '../model/gate.ts'
import type { World } from '../ports/world.ts'
import { imageNames } from './load-definition.ts'
import { loadSettings } from './load-settings.ts'

/** Where waivers are written, from the checkout. */
export const waiversFolder = 'scans/waivers'

/**
 * Every waiver of `scans/waivers/*.yaml`; none when there is no such folder.
 * @throws MintmarkError CONFIG_INVALID with every problem of every file, each with its place
 */
export async function loadWaivers(world: World): Promise<readonly KeptWaiver[]> {
  const { files, places } = world
  const names = await files.list(join(places.root, waiversFolder))
  if (names.length === 0) return []
  const { teams = null } = await loadSettings(world, places.root)
  const images = await imageNames(world)
  const kept: KeptWaiver[] = []
  const problems: string[] = []
  const elsewhere = new Map<string, string>()
  for (const name of names) {
    const file = `${waiversFolder}/${name}`
    // A file that nobody reads looks like one that holds.
    if (/\.ya?ml$/i.test(name) && !name.endsWith('.yaml'))
      problems.push(`${file}:1:1 the file is not read: name it ${name.replace(/\.[^.]+$/, '')}.yaml`)
    if (!name.endsWith('.yaml')) continue
    try {
      const { waivers } = parseYaml(WaiverFile, await files.readText(join(places.root, file)), {
        path: file,
        check: (value) => checkWaivers(value, { teams, images, elsewhere }),
      })
      for (const waiver of waivers) {
        kept.push({ waiver, file })
        elsewhere.set(subjectOf(waiver), file)
      }
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code !== 'CONFIG_INVALID') throw cause
      problems.push(...cause.lines)
    }
  }
  if (problems.length > 0)
    throw new MintmarkError(
      'CONFIG_INVALID',
      `${waiversFolder} has ${problems.length} problem${problems.length === 1 ? '' : 's'}`,
      { details: problems, where: { folder: waiversFolder } },
    )
  return kept
}
