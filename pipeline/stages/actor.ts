import { visible } from '../core/show-value.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'

/**
 * In a job of GitHub Actions who started the run, and who started this attempt of it: the one asked for what the other made happen. Empty
 * elsewhere.
 */
export const requestersOf = ({ env }: Pick<World, 'env'>): readonly string[] =>
  [env['GITHUB_ACTOR'] ?? '', env['GITHUB_TRIGGERING_ACTOR'] ?? ''].filter((name) => name !== '')

/**
 * Who does this (in GitHub Actions who started this attempt, not who started the first one), for a signed event: as given, else the job's actor, else the user of this machine. The event's signature vouches for
 * the machine or job alone; that the name is true is for who lets people sign with that key to see to.
 * @param given by `--by`, or null
 * @throws MintmarkError USAGE for what is no name
 */
export async function actorOf(world: World, given: string | null): Promise<string> {
  const { env, exec } = world
  const named =
    given ?? (env['MINTMARK_ACTOR'] || env['GITHUB_TRIGGERING_ACTOR'] || env['GITHUB_ACTOR'] || null)
  const user = async (): Promise<string> => {
    const name = (await exec.run(['id', '-un'], { ok: 'any' })).stdout.trim()
    return name === '' ? `user ${(await exec.run(['id', '-u'])).stdout.trim()}` : name
  }
  const name = named?.trim() ?? (await user())
  if (name !== '' && name.length <= 200 && visible(name) === name) return name
  throw new MintmarkError('USAGE', `"${visible(name)}" is not a name: expected 1 to 200 characters`, {
    hint: 'name who does this: --by NAME',
  })
}
