import { randomBytes } from 'node:crypto'
import { appendFile } from 'node:fs/promises'
import { MintmarkError } from '../errors.ts'
import { errorAnnotation } from './github-log.ts'

/** The CI job that this process is a step of: what later steps and people read of it, besides stdout and the log. */
export interface CiJob {
  /** Of the run and its attempt, the same for all jobs of it that were planned together, e.g. gh-1234567890-1, gl-812. */
  readonly run: string
  /** True on a machine that is thrown away with the job, and all that is left on it. */
  readonly ephemeral: boolean
  /** Values for later steps and jobs, by name. @throws MintmarkError TOOL_FAILED */
  output(values: Readonly<Record<string, string>>): Promise<void>
  /** Markdown for the page of the run; what is too long for it ends early and says so. @throws MintmarkError TOOL_FAILED */
  summary(markdown: string): Promise<void>
  /** What went wrong with one of several things, on the page of the run; the log has it as well. */
  error(title: string, text: string): void
}

type Env = Readonly<Record<string, string | undefined>>

/** GitHub drops the whole summary of a step that has more than 1 MiB. */
const summaryBytes = 1_000_000

/** The text, or as many whole lines of it as fit into that many bytes. */
export function fitting(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  const note = '\n\n_The rest is left out: it is too long for this page._\n'
  const start = Buffer.from(text)
    .subarray(0, bytes - Buffer.byteLength(note))
    .toString()
  return `${start.slice(0, Math.max(0, start.lastIndexOf('\n')))}${note}`
}

async function append(path: string | undefined, text: string): Promise<void> {
  // An older runner, or one that keeps no such page, has no file for it.
  if (path === undefined || path === '') return
  try {
    await appendFile(path, text)
  } catch (cause) {
    throw new MintmarkError('TOOL_FAILED', `GitHub's file ${path} can't be written`, { cause })
  }
}

/** Nobody knows the word that ends a value before it is written, so that no value can end itself and begin another. */
function assignment([name, value]: readonly [string, string]): string {
  const end = `end-${randomBytes(16).toString('hex')}`
  return `${name}<<${end}\n${value}\n${end}\n`
}

/** The job of GitHub Actions; undefined elsewhere. */
export function githubJob(env: Env): CiJob | undefined {
  if (env['GITHUB_ACTIONS'] !== 'true') return undefined
  return {
    run: `gh-${env['GITHUB_RUN_ID'] || '0'}-${env['GITHUB_RUN_ATTEMPT'] || '1'}`,
    ephemeral: env['RUNNER_ENVIRONMENT'] !== 'self-hosted',
    output: (values) => append(env['GITHUB_OUTPUT'], Object.entries(values).map(assignment).join('')),
    error: (title, text) => void process.stderr.write(errorAnnotation(title, text)),
    summary: (markdown) => append(env['GITHUB_STEP_SUMMARY'], `${fitting(markdown, summaryBytes)}\n`),
  }
}

const nothing = async (): Promise<void> => undefined

/**
 * The job of GitLab; undefined elsewhere. Later jobs get no values of it, and the page of its pipeline is its log. Of a container
 * nobody can see whether a folder of it outlives it: it counts as thrown away.
 */
export function gitlabJob(env: Env): CiJob | undefined {
  if (env['GITLAB_CI'] !== 'true') return undefined
  return {
    run: `gl-${env['CI_PIPELINE_ID'] || '0'}`,
    // Of every executor but `shell` and `ssh`, which work on a machine that stays.
    ephemeral: env['CI_DISPOSABLE_ENVIRONMENT'] === 'true',
    output: nothing,
    error: () => undefined,
    summary: nothing,
  }
}

/** The job of a CI system that we are in; the bare variable CI is set by people and tools on machines that stay. */
export const ciJob = (env: Env): CiJob | undefined => githubJob(env) ?? gitlabJob(env)
