/** A repository at GitHub, as people name it to us. */
export interface GithubRepository {
  /** OWNER/NAME, as in addresses. */
  readonly name: string
  /** How the `sub` of its jobs' tokens begins: `repo:OWNER/NAME` or `repo:OWNER@ID/NAME@ID`. */
  readonly subject: string
  /** Named with the ids that GitHub gives once, to nobody else later. */
  readonly hasIds: boolean
}

const form = /^([\w.-]+)(?:@(\d+))?\/([\w.-]+)(?:@(\d+))?$/

/** OWNER/NAME or OWNER@ID/NAME@ID; null for anything else, as one id alone is no subject of GitHub's. */
export function parseRepository(text: string): GithubRepository | null {
  const [, owner = '', ownerId, name = '', id] = form.exec(text) ?? []
  if (owner === '' || (ownerId === undefined) !== (id === undefined)) return null
  return { name: `${owner}/${name}`, subject: `repo:${text}`, hasIds: id !== undefined }
}

/** What a repository may be named as, for messages. */
export const repositoryForms = 'OWNER/NAME or OWNER@ID/NAME@ID'

/**
 * Where trust policies name a repository without ids: which of the two forms its jobs' tokens have only GitHub knows, and with the other
 * one no job is let in. Null where the ids are given.
 */
export function subjectNote({ name, subject, hasIds }: GithubRepository): string | null {
  if (hasIds) return null
  const withIds = name.replace('/', '@OWNER-ID/').concat('@ID')
  return [
    `these trust policies are for ${subject}:...; a repository that was made, renamed or transferred at github.com since 15 July 2026, or that`,
    `asked for it, has repo:${withIds}:... instead, and none of its jobs is let in by them. Which one it is says`,
    `gh api repos/${name}/actions/oidc/customization/sub --jq .sub_claim_prefix`,
    `where that has ids, print them again with --repository ${withIds}`,
  ].join('\n')
}
