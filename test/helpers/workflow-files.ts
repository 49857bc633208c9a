import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Runner } from './github-runner.ts'
import type { GitHubServer } from './github-server.ts'
import { checkout } from './world.ts'

/** The payload of an event, as GitHub writes it. */
export const payload = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(checkout, `test/fixtures/github/${name}.json`), 'utf8'))

/** The context `github` of a job in the repository of the server: run 812 of main, asked for by octocat, unless told otherwise. */
export const jobContext = (
  { address, state }: GitHubServer,
  more: Readonly<Record<string, string>> = {},
): Runner['github'] => ({
  run_id: '812',
  run_attempt: '1',
  repository: state.repository,
  token: 'job-token',
  api_url: address,
  ref: 'refs/heads/main',
  sha: state.refs.get('refs/heads/main') ?? '',
  actor: 'octocat',
  triggering_actor: 'octocat',
  ...more,
})

/** An environment of AWS as a runner has it: credentials are there once the action that takes the role ran, and not before. */
export function byRole({
  AWS_ACCESS_KEY_ID = '',
  AWS_SECRET_ACCESS_KEY = '',
  AWS_REGION = '',
  ...env
}: Readonly<Record<string, string>>): Pick<Runner, 'env' | 'actions'> {
  const credentials = { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION }
  return { env, actions: { 'aws-actions/configure-aws-credentials': credentials } }
}

/** Names of images -> text of their definitions, and nothing else below the checkout's images/. */
export async function onlyImages(
  { workspace }: Pick<Runner, 'workspace'>,
  definitions: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = join(workspace, 'images')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  for (const [name, text] of Object.entries(definitions)) await writeFile(join(folder, `${name}.yaml`), text)
}

/**
 * Compares with `test/golden/workflows/NAME.txt`; UPDATE_GOLDEN=1 writes it.
 * @param stands what differs from run to run, and what stands for it; digests always do
 */
export async function sameTranscript(
  name: string,
  told: string,
  stands: readonly (readonly [string | RegExp, string])[],
): Promise<void> {
  const path = join(checkout, `test/golden/workflows/${name}.txt`)
  let text = told
  for (const [from, to] of [...stands, [/\b[0-9a-f]{64}\b/g, 'SHA256'] as const])
    text = text.replaceAll(from, to)
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(path, text)
  assert.fixture(text, await readFile(path, 'utf8'))
}

/** What all of the text that GitHub keeps for people says, in the order of its numbers. */
export const told = ({ state }: Pick<GitHubServer, 'state'>): string =>
  state.issues
    .flatMap(({ number, pull, open, title, body }) => [
      `${pull ? 'pull request' : 'issue'} ${number}, ${open ? 'open' : 'closed'}: ${title}`,
      ...body
        .trimEnd()
        .split('\n')
        .map((line) => `    ${line}`.trimEnd()),
      ...state.comments
        .filter(({ issue }) => issue === number)
        .map(({ body: comment }) => `  comment: ${comment.trimEnd().replaceAll('\n', ' / ')}`),
      '',
    ])
    .join('\n')
