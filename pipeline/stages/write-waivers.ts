import { join } from 'node:path'
import { putWaiver } from '../core/edit-waivers.ts'
import { parseYaml } from '../core/parse-yaml.ts'
import { subjectOf } from '../core/waivers.ts'
import { MintmarkError } from '../errors.ts'
import { type Waiver, WaiverFile } from '../model/gate.ts'
import type { World } from '../ports/world.ts'
import { loadWaivers, waiversFolder } from './load-waivers.ts'

export interface WrittenWaiver {
  readonly waiver: Waiver
  /** What it replaced; null when there was none. */
  readonly was: Waiver | null
  readonly changed: boolean
}

/**
 * Writes waivers of one team into its file: all or none, and one after the other when two processes do.
 * @throws MintmarkError CONFIG_INVALID for a file that is wrong already; USAGE when another file is about the same
 */
export async function writeWaivers(
  world: World,
  waivers: readonly Waiver[],
  owner: string,
): Promise<{ readonly file: string; readonly written: readonly WrittenWaiver[] }> {
  const file = `${waiversFolder}/${owner}.yaml`
  const path = join(world.places.root, file)
  return world.withLock(join(world.places.runs, '.waivers', 'lock'), 10_000, async () => {
    const kept = await loadWaivers(world)
    for (const waiver of waivers) {
      const other = kept.find((item) => item.file !== file && subjectOf(item.waiver) === subjectOf(waiver))
      if (other !== undefined)
        throw new MintmarkError(
          'USAGE',
          `${subjectOf(waiver)} is waived by ${other.waiver.owner} already, until ${other.waiver.expires}`,
          { hint: `edit ${other.file}, or give --owner ${other.waiver.owner}` },
        )
    }
    const before = (await world.files.info(path)) === null ? null : await world.files.readText(path)
    let text = before
    const written: WrittenWaiver[] = []
    for (const waiver of waivers) {
      const edited = putWaiver(text, waiver)
      text = edited.text
      written.push({ waiver, was: edited.was, changed: edited.changed })
    }
    if (text !== null && written.some(({ changed }) => changed)) {
      // What is written has to be what the next run reads.
      parseYaml(WaiverFile, text, { path: file })
      await world.files.write(path, text)
    }
    return { file, written }
  })
}
