import { parse } from 'yaml'
import * as z from 'zod'
import { compare, grouped, unique } from './lists.ts'

const Workflow = z.looseObject({
  jobs: z.record(
    z.string(),
    z.looseObject({
      environment: z.string().optional(),
      permissions: z.record(z.string(), z.string()).default({}),
      steps: z
        .array(
          z.looseObject({
            uses: z.string().optional(),
            with: z.looseObject({ 'role-duration-seconds': z.number().optional() }).optional(),
          }),
        )
        .default([]),
    }),
  ),
})

/** Actions on the bucket that a catalog may be in, by what they are allowed on. */
interface CatalogActions {
  readonly bucket: readonly string[]
  readonly objects: readonly string[]
  /** On the key that encrypts its objects, where it is one of yours. */
  readonly key: readonly string[]
}

const reading: CatalogActions = {
  bucket: ['s3:ListBucket'],
  objects: ['s3:GetObject'],
  key: ['kms:Decrypt'],
}

/** What each use of the catalog takes; `catalog check` besides looks for uploads that never ended (s3:ListBucketMultipartUploads). */
export const catalogActions: Readonly<Record<Advice['catalog'], CatalogActions>> = {
  reads: reading,
  'reads and writes': {
    // A writer warns of a bucket without versions, or one that is open.
    bucket: [...reading.bucket, 's3:GetBucketVersioning', 's3:GetBucketPublicAccessBlock'],
    objects: [...reading.objects, 's3:PutObject', 's3:AbortMultipartUpload'],
    key: [...reading.key, 'kms:GenerateDataKey'],
  },
}

/** Actions on a signing key in KMS. Who plans looks whether the events of it would count, by the key's public half. */
export const signingActions: Readonly<Record<Advice['key'], readonly string[]>> = {
  signs: ['kms:GetPublicKey', 'kms:Sign'],
  'is known': ['kms:GetPublicKey'],
}

/** What an environment's role has to be allowed, and who lets a job in. */
interface Advice {
  readonly purpose: string
  /** Roles of `policy TARGET` whose rights its jobs take; besides those to the catalog and the key. */
  readonly roles: readonly string[]
  readonly catalog: 'reads' | 'reads and writes'
  /** Of the key that signs: a job that signs nothing still has to know which it is. */
  readonly key: 'signs' | 'is known'
  readonly reviewers: boolean
  readonly preventSelfReview: boolean
}

const advice: Readonly<Record<string, Advice>> = {
  nightly: {
    purpose: 'builds, tests and records images, and moves the channel nightly',
    roles: ['builder', 'publisher'],
    catalog: 'reads and writes',
    key: 'signs',
    reviewers: false,
    preventSelfReview: false,
  },
  release: {
    purpose: 'promotes and shares a release that a person let in',
    roles: ['publisher'],
    catalog: 'reads and writes',
    key: 'signs',
    reviewers: true,
    preventSelfReview: true,
  },
  rescan: {
    purpose: "judges what channels point to by today's advisories",
    roles: [],
    catalog: 'reads and writes',
    key: 'signs',
    reviewers: false,
    preventSelfReview: false,
  },
  'share-plan': {
    purpose: 'looks at who has an image, and changes nothing',
    roles: ['reader'],
    catalog: 'reads',
    key: 'is known',
    reviewers: false,
    preventSelfReview: false,
  },
  share: {
    purpose: 'gives and takes back what a merged share list says',
    roles: ['publisher'],
    catalog: 'reads and writes',
    key: 'signs',
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
  /** The longest session in AWS that a job of it asks for; null: none says how long, and the action's own hour is enough. */
  readonly sessionSeconds: number | null
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
    const sessions = of.flatMap(({ job }) =>
      job.steps.flatMap((step) => step.with?.['role-duration-seconds'] ?? []),
    )
    return [
      {
        name,
        ...known,
        jobs: of.map((item) => item.name).sort(compare),
        branches: ['main'],
        variables,
        sessionSeconds: sessions.length === 0 ? null : Math.max(...sessions),
      },
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

/** What the catalog and the key take where they are in AWS, and how long a session has to last. */
function awsLines({ catalog, key, sessionSeconds }: GithubEnvironment): readonly string[] {
  const { bucket, objects, key: encrypting } = catalogActions[catalog]
  const hours = (sessionSeconds ?? 0) / 3600
  return [
    `  s3://       ${bucket.join(', ')} on the bucket; ${objects.join(', ')} on its objects; ${encrypting.join(', ')} on a key of yours that encrypts them`,
    `  kms:        ${signingActions[key].join(', ')} on the key that signs${key === 'signs' ? '' : ': whoever plans asks which it is, and never signs'}`,
    ...(sessionSeconds === null
      ? []
      : [
          `  session     ${hours} hours: the role's maximum session duration has to be ${sessionSeconds} seconds or more; IAM gives a new role 3600`,
        ]),
  ]
}

/**
 * For people, of one environment; its trust policies come after.
 * @param repository OWNER/NAME
 */
export function environmentLines(repository: string, environment: GithubEnvironment): readonly string[] {
  const { name, purpose, jobs, branches, reviewers, preventSelfReview, roles, catalog, key, variables } =
    environment
  return [
    `environment ${name}: ${purpose}`,
    `  jobs        ${jobs.join(', ')}`,
    `  branches    only ${branches.join(', ')}`,
    `  reviewers   ${reviewers ? `required${preventSelfReview ? ', and "prevent self-review"' : ''}; do not allow administrators to bypass them` : 'none: it runs by itself'}`,
    `  rights      ${[...roles.map((role) => `./mintmark policy TARGET --role ${role}`), `${catalog} the catalog`, ...(key === 'signs' ? ['signs'] : [])].join('; ')}`,
    ...awsLines(environment),
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
