import { MintmarkError } from '../errors.ts'

/**
 * `MINTMARK_REPO_MIRRORS`: where the team's repositories are read from on this machine and in the build, as `name=url` pairs with spaces
 * between them. The image keeps the address of its definition.
 * @throws MintmarkError USAGE for what is no such pair
 */
export function parseRepoMirrors(text: string | undefined): ReadonlyMap<string, string> {
  const pairs = (text ?? '').split(/\s+/).filter((pair) => pair !== '')
  return new Map(
    pairs.map((pair) => {
      const match = /^([a-z0-9-]+)=(https?:\/\/[A-Za-z0-9._~:/%+[\]-]+)$/.exec(pair)
      if (match?.[1] !== undefined && match[2] !== undefined) return [match[1], match[2]] as const
      throw new MintmarkError('USAGE', `MINTMARK_REPO_MIRRORS has "${pair}", which is no NAME=URL`, {
        hint: 'e.g. MINTMARK_REPO_MIRRORS="corp=http://127.0.0.1:8080/debian"',
      })
    }),
  )
}
