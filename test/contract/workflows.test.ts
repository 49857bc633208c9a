import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { githubSettings } from '../../pipeline/core/github-settings.ts'
import { pathsBelow, textOf } from '../helpers/sources.ts'

// What actionlint and zizmor don't ask for.
const workflows = suite('workflows')
const ours = pathsBelow('.github/workflows', (path) => /\.ya?ml$/.test(path))
/** `init --repo` gives a team its own ci.yml besides copies of ours. */
const paths = [...ours, 'templates/team/github-ci.yml']
const read = (path: string) =>
  parse(textOf(path)) as {
    readonly permissions: unknown
    readonly concurrency: unknown
    readonly jobs: Readonly<
      Record<
        string,
        {
          readonly permissions?: unknown
          readonly environment?: string
          readonly concurrency?: unknown
          readonly strategy?: { readonly 'fail-fast'?: boolean }
          readonly 'timeout-minutes'?: number
          readonly container?: { readonly image: string }
          readonly steps: readonly {
            readonly uses?: string
            readonly run?: string
            readonly with?: Readonly<Record<string, unknown>>
          }[]
        }
      >
    >
  }
const jobs = paths.flatMap((path) =>
  Object.entries(read(path).jobs).map(([name, job]) => ({ name: `${path} ${name}`, job })),
)
const steps = jobs.flatMap(({ name, job }) => job.steps.map((step) => ({ name, step })))

/** All else is ours. */
const allowed = [
  'actions/checkout',
  'actions/setup-node',
  'actions/upload-artifact',
  'actions/download-artifact',
  'actions/attest-build-provenance',
  'aws-actions/configure-aws-credentials',
]

workflows('there are some', () => {
  assert.ok(ours.length >= 2)
})

workflows(
  'no right is given to all jobs; each job says its own, how long it may take, and what it waits for',
  () => {
    assert.equal(
      paths.filter((path) => JSON.stringify(read(path).permissions) !== '{}'),
      [],
    )
    assert.equal(
      paths.filter((path) => read(path).concurrency === undefined),
      [],
    )
    assert.equal(
      jobs
        .filter(({ job }) => job.permissions === undefined || job['timeout-minutes'] === undefined)
        .map(({ name }) => name),
      [],
    )
  },
)

workflows('one failure of a matrix does not stop the others', () => {
  assert.equal(
    jobs
      .filter(({ job }) => job.strategy !== undefined && job.strategy['fail-fast'] !== false)
      .map(({ name }) => name),
    [],
  )
})

workflows('only known actions, pinned by commit, with the version and where it was read beside it', () => {
  const lines = paths.flatMap((path) =>
    textOf(path)
      .split('\n')
      .filter((line) => /\buses:/.test(line)),
  )
  const pinned = new RegExp(`uses: (${allowed.join('|')})@[0-9a-f]{40} # v\\d+\\.\\d+\\.\\d+, tag of \\1$`)
  assert.ok(lines.length > 0)
  assert.equal(
    lines.filter((line) => !pinned.test(line)),
    [],
  )
  const hashes = new Map<string, Set<string>>()
  for (const line of lines) {
    const [, action = '', hash = ''] = /uses: (\S+)@(\S+)/.exec(line) ?? []
    hashes.set(action, (hashes.get(action) ?? new Set()).add(hash))
  }
  assert.equal(
    [...hashes].filter(([, of]) => of.size > 1).map(([action]) => action),
    [],
  )
})

workflows('containers are pinned by one digest', () => {
  assert.equal(
    jobs
      .filter(({ job }) => job.container !== undefined && !/@sha256:[0-9a-f]{64}$/.test(job.container.image))
      .map(({ name }) => name),
    [],
  )
  assert.is(new Set(jobs.flatMap(({ job }) => job.container?.image ?? [])).size, 1)
})

workflows('nothing is written into a script; no logic is in one', () => {
  const scripts = steps.flatMap(({ name, step }) => (step.run === undefined ? [] : [`${name}: ${step.run}`]))
  assert.equal(
    scripts.filter(
      (text) => text.includes('${{') || /(?<!--)\b(?:if|for|while|case|jq|curl|sed|awk)\b/.test(text),
    ),
    [],
  )
})

workflows('a checkout keeps no token, and nothing is cached between runs', () => {
  const of = (action: string) => steps.filter(({ step }) => step.uses?.startsWith(`actions/${action}@`))
  assert.equal(
    of('checkout')
      .filter(({ step }) => step.with?.['persist-credentials'] !== false)
      .map(({ name }) => name),
    [],
  )
  assert.equal(
    of('setup-node')
      .filter(({ step }) => step.with?.['package-manager-cache'] !== false || 'cache' in step.with)
      .map(({ name }) => name),
    [],
  )
})

workflows('where a job has an identity no package runs a program of its own at installation', () => {
  const installs = jobs.map(({ name, job }) => ({
    name,
    mayAsk: (job.permissions as Readonly<Record<string, unknown>> | undefined)?.['id-token'] === 'write',
    runs: job.steps.flatMap(({ run }) =>
      run?.includes('npm ci') === true ? [run.trim().split('\n')[0]] : [],
    ),
  }))
  assert.ok(installs.some(({ mayAsk }) => mayAsk))
  assert.equal(
    installs.filter(({ mayAsk, runs }) => mayAsk && runs.join() !== 'npm ci --ignore-scripts'),
    [],
  )
})

workflows('what has an identity or takes a role does so in an environment that a team is told of', () => {
  const told = githubSettings(new Map(ours.map((path) => [path, textOf(path)]))).environments.map(
    ({ name }) => name,
  )
  const asks = jobs.filter(
    ({ job }) =>
      (job.permissions as Readonly<Record<string, unknown>> | undefined)?.['id-token'] !== undefined ||
      job.steps.some(({ uses }) => uses?.startsWith('aws-actions/configure-aws-credentials@')),
  )
  assert.ok(asks.length > told.length)
  assert.equal(
    asks.filter(({ job }) => !told.includes(job.environment ?? '')).map(({ name }) => name),
    [],
  )
})

workflows(
  'releases of one image for one place wait for each other, in any workflow, and none is dropped',
  () => {
    const releases = jobs.filter(({ job }) =>
      job.steps.some(({ run }) => run?.includes('./mintmark release "$IMAGE"')),
    )
    assert.is(releases.length, 2)
    for (const { name, job } of releases)
      assert.equal(
        job.concurrency,
        {
          group: ['release', ...['image', 'target', 'arch'].map((of) => `\${{ matrix.${of} }}`)].join('-'),
          'cancel-in-progress': false,
          queue: 'max',
        },
        name,
      )
  },
)

workflows('what waits for a reviewer keeps no later run waiting', () => {
  const held = paths.flatMap((path) => {
    const { concurrency, jobs: all } = read(path)
    const waits = Object.values(all).filter(({ environment }) =>
      ['release', 'share'].includes(environment ?? ''),
    )
    const group = (of: unknown): string =>
      typeof of === 'object' && of !== null && 'group' in of ? String(of.group) : ''
    if (waits.length === 0) return []
    const groups = [group(concurrency), ...waits.map((job) => group(job.concurrency))]
    return groups
      .filter((name) => name !== '' && !name.includes('github.run_id'))
      .map((name) => `${path} ${name}`)
  })
  assert.equal(held, [])
})

workflows('no stored secret is asked for', () => {
  assert.equal(
    paths.filter((path) => /\bsecrets[.[]|secrets: inherit/.test(textOf(path))),
    [],
  )
})

workflows.run()
