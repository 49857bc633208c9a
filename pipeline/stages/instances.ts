import { basename, dirname, join } from 'node:path'
import { parsedJson } from '../core/parsed-json.ts'
import { MintmarkError } from '../errors.ts'
import { InstanceFile } from '../model/instance.ts'
import type { World } from '../ports/world.ts'
import type { Bootable } from './find-bootable.ts'

/** What the folders of machines that people start begin with, and their ids. */
export const instancePrefix = 'boot-'

/** Where the machines of this user live while they run. */
export const machinesFolder = ({ places }: Pick<World, 'places'>): string =>
  join(dirname(places.runs), 'machines')

export const isInstanceId = (text: string): boolean => /^boot-[A-Za-z0-9]{6}$/.test(text)

/** Short, so that it can be typed: the folder's own part that nobody else has. */
export const instanceIdOf = (folder: string): string => `${instancePrefix}${basename(folder).slice(-6)}`

/** Tells in the machine's folder what it was started from, for `show`. Returns its id. */
export async function writeInstance(world: World, folder: string, image: Bootable): Promise<string> {
  const id = instanceIdOf(folder)
  const instance: InstanceFile = {
    schema: 1,
    id,
    started: world.clock.now().toISOString(),
    name: image.name,
    release: image.release ?? null,
  }
  await world.files.write(join(folder, 'instance.json'), `${JSON.stringify(instance)}\n`, { mode: 0o600 })
  return id
}

/** The machines that `boot` started and that were not cleared away, sorted by their ids. */
async function instancesHere(world: World): Promise<readonly InstanceFile[]> {
  const folder = machinesFolder(world)
  const found: InstanceFile[] = []
  for (const name of await world.files.list(folder)) {
    if (!name.startsWith(instancePrefix)) continue
    const path = join(folder, name, 'instance.json')
    if ((await world.files.info(path))?.kind !== 'file') continue
    const parsed = InstanceFile.safeParse(parsedJson(await world.files.readText(path)))
    if (parsed.success) found.push(parsed.data)
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/**
 * The machine of this id; null when the text is no id of a machine.
 * @throws MintmarkError NOT_FOUND with the machines that there are
 */
export async function findInstance(world: World, ref: string): Promise<InstanceFile | null> {
  if (!isInstanceId(ref)) return null
  const all = await instancesHere(world)
  const found = all.find(({ id }) => id === ref)
  if (found !== undefined) return found
  throw new MintmarkError('NOT_FOUND', `no machine ${ref} runs here`, {
    hint:
      all.length === 0
        ? 'none does: ./mintmark boot starts one and prints its name'
        : `there are: ${all.map(({ id, name }) => `${id} (${name})`).join(', ')}`,
  })
}
