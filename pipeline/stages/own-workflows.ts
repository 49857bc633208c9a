import { join } from 'node:path'
import type { World } from '../ports/world.ts'

export const workflowsFolder = '.github/workflows'

/** Only the check of a change: mintmark's own ci.yml is of its own checkout, and each team has another. */
const notForTeams = 'ci.yml'

/** The workflows that mintmark brings for a team's repository: file name -> its text. */
export async function ownWorkflows({
  files,
  places,
}: Pick<World, 'files' | 'places'>): Promise<ReadonlyMap<string, string>> {
  const folder = join(places.installation, workflowsFolder)
  const names = (await files.list(folder)).filter((name) => name.endsWith('.yml') && name !== notForTeams)
  const found = new Map<string, string>()
  for (const name of names) found.set(name, await files.readText(join(folder, name)))
  return found
}
