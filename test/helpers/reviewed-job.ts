import { openGithub } from '../../pipeline/ports/octokit-github.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { withoutScanner } from './channel-world.ts'
import type { GitHubServer } from './github-server.ts'

/**
 * The world of a job of run 812 in the repository of the server, which asks nobody for its scanner.
 * @param more of the job's environment
 */
export function worldOfJob(world: World, server: GitHubServer, more: World['env'] = {}): World {
  const env = { ...more, ...server.env, GITHUB_RUN_ID: '812' }
  return withoutScanner({ ...world, env, github: openGithub(env, world.signal, 0) })
}
