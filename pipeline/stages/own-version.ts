import { join } from 'node:path'
import { parsedJson } from '../core/parsed-json.ts'
import type { World } from '../ports/world.ts'

/** mintmark's own version, as its package.json says it; `unknown` where there is none to read. */
export async function ownVersion({
  files,
  places,
}: Pick<World, 'files'> & { readonly places: Pick<World['places'], 'installation'> }): Promise<string> {
  const path = join(places.installation, 'package.json')
  const data = (await files.info(path)) === null ? null : parsedJson(await files.readText(path))
  const version = typeof data === 'object' && data !== null ? Reflect.get(data, 'version') : null
  return typeof version === 'string' ? version : 'unknown'
}
