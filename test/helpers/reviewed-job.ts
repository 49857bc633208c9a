import { openGithub } from '../../pipeline/ports/octokit-github.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { lookAtPromotion, type PromotionLook } from '../../pipeline/stages/look-promotion.ts'
import { trustedKeys } from '../../pipeline/stages/verify-release.ts'
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

/** What is looked at: the second release of debian-13, for the channel stable. */
export const place = { ref: 'debian-13@1.0.1', channel: 'stable', update: () => undefined }

export const trustOf = async (world: World) => ({ trust: await trustedKeys(world, null), onlyTrust: false })

/** What the reviewer of the job is shown, that alice asked for. */
export const look = async (world: World): Promise<PromotionLook> =>
  lookAtPromotion(world, {
    ...place,
    trust: await trustOf(world),
    by: 'alice',
    trivyDb: null,
    knownExploited: null,
  })
