import type { Files } from '../ports/files.ts'
import { ownVersion } from '../stages/own-version.ts'

/**
 * What `--version` prints.
 * @param installation the folder that mintmark is in
 */
export async function versionText(files: Files, installation: string, json: boolean): Promise<string> {
  const version = await ownVersion({ files, places: { installation } })
  return json ? `${JSON.stringify({ name: 'mintmark', version })}\n` : `mintmark ${version}\n`
}
