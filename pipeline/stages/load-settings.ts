import { join } from 'node:path'
import { parseYaml } from '../core/parse-yaml.ts'
import { Settings } from '../model/settings.ts'
import type { World } from '../ports/world.ts'

const name = 'mintmark.yaml'

/**
 * `mintmark.yaml` at the top of the checkout; without the file, what holds without it.
 * @throws MintmarkError CONFIG_INVALID with every problem's place
 */
export async function loadSettings({ files }: Pick<World, 'files'>, root: string): Promise<Settings> {
  const path = join(root, name)
  if ((await files.info(path)) === null) return Settings.parse({ schema: 1 })
  return parseYaml(Settings, await files.readText(path), { path: name })
}
