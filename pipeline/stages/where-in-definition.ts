import { join } from 'node:path'
import { placeOf } from '../core/place-of.ts'
import type { World } from '../ports/world.ts'

/** `images/<image>.yaml:LINE:COLUMN` of a field, for a message about its value. */
export async function whereInDefinition(
  world: World,
  image: string,
  path: readonly (string | number)[],
): Promise<string> {
  const name = `images/${image}.yaml`
  const whole = join(world.places.root, name)
  if ((await world.files.info(whole)) === null) return name
  const { line, column } = placeOf(await world.files.readText(whole), path)
  return `${name}:${line}:${column}`
}
