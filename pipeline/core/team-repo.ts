import * as z from 'zod'
import { compare } from './lists.ts'
import { type NewImage, newDefinition } from './new-definition.ts'
import { type Tarball, teamLock, teamPackage } from './team-lock.ts'

/** Where a team's jobs run. */
export const CiSystem = z.enum(['github', 'gitlab', 'none'])
export type CiSystem = z.infer<typeof CiSystem>

/** What `init --repo` is told besides the definition, by the flags' names. */
export const NewRepo = z.strictObject({
  ci: CiSystem,
  /** Who has to agree to share lists, waivers, trust and workflows, as GitHub and GitLab name a group or a person. */
  securityTeam: z
    .string()
    .max(120)
    .regex(/^@[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)*$/, 'a team or a user, e.g. @corp/security'),
})
export type NewRepo = z.infer<typeof NewRepo>

/** Where CODEOWNERS names nobody yet: both GitHub and GitLab pass over a team that there is not. */
export const nobody = '@ORG/security'

export interface TeamFile {
  /** Below the repository. */
  readonly path: string
  readonly content: string | Uint8Array
  readonly mode: number
}

/** A file of templates/team/ and where it comes to. */
type Placed = readonly [to: string, template: string]

const always: readonly Placed[] = [
  ['.gitignore', 'gitignore'],
  ['.npmrc', 'npmrc'],
  ['README.md', 'README.md'],
  ['mintmark', 'launcher'],
  ['mintmark.yaml', 'mintmark.yaml'],
  ['scans/policies/trust.yaml', 'trust.yaml'],
]

const byCi: Readonly<Record<CiSystem, readonly Placed[]>> = {
  github: [
    ['.github/CODEOWNERS', 'CODEOWNERS'],
    ['.github/renovate.json', 'renovate.json'],
    ['.github/workflows/ci.yml', 'github-ci.yml'],
  ],
  gitlab: [
    ['.gitlab-ci.yml', 'gitlab-ci.yml'],
    // GitLab reads the first of /, docs/ and .gitlab/.
    ['CODEOWNERS', 'CODEOWNERS'],
    ['renovate.json', 'renovate.json'],
  ],
  none: [['mintmark.cron', 'mintmark.cron']],
}

/** Templates of a repository: path of the template, and where it comes to. */
export const templatesOf = (ci: CiSystem): readonly (readonly [from: string, to: string])[] =>
  [...always, ...byCi[ci]].map(([to, template]) => [`templates/team/${template}`, to])

/** For editors: what a definition, a policy and a waiver may say. They are mintmark's own, byte for byte. */
export const teamSchemas = [
  'images/schema.json',
  'scans/policies/schema.json',
  'scans/waivers/schema.json',
] as const

export interface TeamRepoInput {
  readonly image: NewImage
  readonly repo: NewRepo
  readonly tarball: Tarball
  /** Its bytes, where it is kept in the repository; null: it stays at its address. */
  readonly vendored: Uint8Array | null
  /** Path in the repository -> text of its template. */
  readonly templates: ReadonlyMap<string, string>
  /**
   * Path in the repository -> text that comes there as it is. Workflows are copied and not called: who signs by the identity of a job is
   * the workflow file, and one that everybody can call would sign for everybody.
   */
  readonly copies: ReadonlyMap<string, string>
}

/** A passage for one CI system alone: in a template it stands between two comments of Markdown. */
const passage = /<!-- only with --ci (\w+) -->\n(.*?)<!-- end -->\n/gs

/** The team and the image stand in templates by these words, so that a template is a file of its kind as it is. */
const filled = (text: string, { image, repo }: TeamRepoInput): string =>
  text
    .replaceAll(passage, (_, ci: string, lines: string) => (ci === repo.ci ? lines : ''))
    .replaceAll(nobody, repo.securityTeam)
    .replaceAll('IMAGE_NAME', image.name)
    .replaceAll('OWNER_TEAM', image.owner)

/** The launcher is started by its name. */
const modeOf = (path: string): number => (path === 'mintmark' ? 0o755 : 0o644)

/** All files of a team's repository, by path. The same answers give the same bytes. */
export function teamFiles(input: TeamRepoInput): readonly TeamFile[] {
  const { image, tarball, vendored, templates, copies } = input
  const contents: readonly (readonly [string, string | Uint8Array])[] = [
    ...[...templates].map(([path, text]) => [path, filled(text, input)] as const),
    ...copies,
    [`images/${image.name}.yaml`, newDefinition(image)],
    ...(vendored === null ? [] : [[tarball.spec.replace(/^file:/, ''), vendored] as const]),
    ['package-lock.json', teamLock(tarball)],
    ['package.json', teamPackage(tarball)],
  ]
  return contents
    .map(([path, content]) => ({ path, content, mode: modeOf(path) }))
    .sort((a, b) => compare(a.path, b.path))
}
