import { parse } from 'yaml'
import * as z from 'zod'
import { compare, grouped, unique } from './lists.ts'

const Workflow = z.looseObject({
  jobs: z.record(
    z.string(),
    z.looseObject({
      environment: z.string().optional(),
      permissions: z.record(z.string(), z.string()).default({}),
      steps: z.array(z.looseObject({ uses: z.string().optional() })).default([]),
    }),
  ),
})

/** What an environment's role has to be allowed, and who lets a job in. */
interface Advice {
  readonly purpose: string
  /** Roles of `policy TARGET` whose rights its jobs take; besides those to the catalog and the key. */
  readonly roles: readonly string[]
  readonly catalog: 'reads' | 'reads and writes'
  readonly signs: boolean
  readonly reviewers: boolean
  readonly preventSelfReview: boolean
}

const advice: Readonly<Record<string, Advice>> = {
  nightly: {
    purpose: 'builds, tests and records images, and moves the channel nightly',
    roles: ['builder', 'publisher'],
    catalog: 'reads and writes',
    signs: true,
    reviewers: false,
    preventSelfReview: false,
  },
  release: {
    purpose: 'promotes and shares a release that a person let in',
    roles: ['publisher'],
    catalog: 'reads and writes',
    signs: true,
    reviewers: true,
    preventSelfReview: true,
  },
  rescan: {
    purpose: "judges what channels point to by today's advisories",
    roles: [],
    catalog: 'reads and writes',
    signs: true,
    reviewers: false,
    preventSelfReview: false,
  },
  'share-plan': {
    purpose: 'looks at who has an image: of the role publisher only what reads (Describe, Get, List)',
    roles: ['publisher'],
    catalog: 'reads',
    signs: false,
    reviewers: false,
    preventSelfReview: false,
  },
  share: {
    purpose: 'gives and takes back what a merged share list says',
    roles: ['publisher'],
    catalog: 'reads and writes',
    signs: true,
    reviewers: true,
    preventSelfReview: false,
  },
}

const variableHelp: Readonly<Record<string, string>> = {
  MINTMARK_CATALOG: 's3://BUCKET/PREFIX, or catalog in mintmark.yaml',
  MINTMARK_SIGNER: 'kms:KEY or sigstore, or signing in mintmark.yaml',
  MINTMARK_AWS_ROLE: 'ARN of the role that its jobs take; empty: none',
  MINTMARK_AWS_REGION: 'region of that role, e.g. eu-west-1',
  MINTMARK_IMAGES: 'names of the images of every night; empty: all',
  MINTMARK_ATTEST: 'true: attestations by GitHub as well; private repositories need Enterprise Cloud',
}

export interface GithubVariable {
  readonly name: string
  readonly help: string
}

export interface GithubEnvironment extends Advice {
  readonly name: string
  /** `nightly.yml plan`, ... */
  readonly jobs: readonly string[]
  /** The only branches whose jobs are let in. */
  readonly branches: readonly string[]
  readonly variables: readonly GithubVariable[]
}

/** What the workflows need of a repository's settings. */
export interface GithubSettings {
  readonly environments: readonly GithubEnvironment[]
  /** Actions that have to be allowed, with their owners. */
  readonly actions: readonly string[]
  /** A job opens pull requests: GitHub forbids that unless the repository's settings allow it. */
  readonly opensPullRequests: boolean
}

/**
 * @param workflows file name -> its text
 * @throws ZodError for a text that is no workflow: ours are tested
 */
export function githubSettings(workflows: ReadonlyMap<string, string>): GithubSettings {
  const jobs = [...workflows].flatMap(([file, text]) =>
    Object.entries(Workflow.parse(parse(text)).jobs).map(([id, job]) => ({ name: `${file} ${id}`, job })),
  )
  const placed = jobs.filter(({ job }) => job.environment !== undefined)
  const environments = grouped(placed, ({ job }) => job.environment ?? '').flatMap(([name, of]) => {
    const known = advice[name]
    if (known === undefined) return []
    const text = of.map(({ job }) => JSON.stringify(job)).join('\n')
    const names = unique([...text.matchAll(/\bvars\.([A-Z0-9_]+)/g)].map(([, variable = '']) => variable))
    const variables = names.map((variable) => ({ name: variable, help: variableHelp[variable] ?? '' }))
    return [
      { name, ...known, jobs: of.map((item) => item.name).sort(compare), branches: ['main'], variables },
    ]
  })
  return {
    environments,
    actions: unique(
      jobs.flatMap(({ job }) =>
        job.steps.flatMap(({ uses }) => (uses === undefined ? [] : [uses.replace(/@.*$/, '')])),
      ),
    ),
    opensPullRequests: jobs.some(({ job }) => job.permissions['pull-requests'] === 'write'),
  }
}

/** For people, of one environment; its trust policies come after. */
export function environmentLines(repository: string, environment: GithubEnvironment): readonly string[] {
  const { name, purpose, jobs, branches, reviewers, preventSelfReview, roles, catalog, signs, variables } =
    environment
  return [
    `environment ${name}: ${purpose}`,
    `  jobs        ${jobs.join(', ')}`,
    `  branches    only ${branches.join(', ')}`,
    `  reviewers   ${reviewers ? `required${preventSelfReview ? ', and "prevent self-review"' : ''}; do not allow administrators to bypass them` : 'none: it runs by itself'}`,
    `  rights      ${[...roles.map((role) => `./mintmark policy TARGET --role ${role}`), `${catalog} the catalog`, ...(signs ? ['signs'] : [])].join('; ')}`,
    ...variables.map(({ name: variable, help }) => `  variable    ${variable}  ${help}`),
    `  at          https://github.com/${repository}/settings/environments`,
  ]
}

/** For people, of the repository as a whole. */
export const repositoryLines = ({ actions, opensPullRequests }: GithubSettings): readonly string[] => [
  'branch main: changes by pull request alone, with a review by code owners (.github/CODEOWNERS), and the check of ci.yml',
  'tokens of jobs: read-only by default; each job says what else it needs',
  ...(opensPullRequests
    ? [
        'pull requests: allow GitHub Actions to create them (Settings, Actions, General): moved locks come as one',
      ]
    : []),
  `actions: only ${actions.join(', ')}, and only by commit`,
  'secrets: none',
]
