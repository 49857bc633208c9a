import type { ErrorCode } from '../errors.ts'
import type { Arch, TargetId } from '../model/ids.ts'
import { markdownText } from './report/render-markdown.ts'

/** One job: one image for one target on one architecture. */
export interface MatrixJob {
  readonly image: string
  readonly target: TargetId
  readonly arch: Arch
  /** The machine that the job runs on, as GitHub labels it. */
  readonly runner: string
  /** For `release --run`: the jobs of one image that have the same make one version. */
  readonly run: string
}

/** What the plan says of an image. */
export type PlannedImage =
  | {
      readonly image: string
      readonly status: 'planned'
      readonly jobs: readonly MatrixJob[]
      /** `distribute`: nothing is built, and places that are behind get what there is. */
      readonly work: 'build' | 'distribute'
      /** Taken for all its jobs; null when each of them takes the run's. */
      readonly version: string | null
      /** Why, for people. */
      readonly because: readonly string[]
    }
  | { readonly image: string; readonly status: 'unchanged'; readonly because: readonly string[] }
  | {
      readonly image: string
      readonly status: 'failed'
      readonly code: ErrorCode
      readonly message: string
      readonly lines: readonly string[]
      readonly hint: string
    }

/** As `strategy.matrix` takes it; an empty list is an error there, so the jobs are counted beside it. */
export interface Matrix {
  readonly include: readonly MatrixJob[]
}

export const matrixOf = (images: readonly PlannedImage[]): Matrix => ({
  include: images.flatMap((item) => (item.status === 'planned' ? item.jobs : [])),
})

/** GitHub's own machines with an Ubuntu of long support; images are built in a container of Debian on them. */
const runners: Readonly<Record<Arch, string>> = { x86_64: 'ubuntu-24.04', aarch64: 'ubuntu-24.04-arm' }

/** A cloud builds on its own machines: any runner can watch it. */
export const runnerOf = (target: TargetId, arch: Arch): string => runners[target === 'qemu' ? arch : 'x86_64']

/** One line of the plan about an image, for a terminal. */
export function plannedLine(item: PlannedImage): string {
  if (item.status === 'failed') return `! ${item.image}  could not be planned: ${item.message}`
  const because = item.because.length === 0 ? '' : `: ${item.because.join('; ')}`
  if (item.status === 'unchanged') return `· ${item.image}  unchanged${because}`
  const where = item.jobs.map(({ target, arch }) => `${target}/${arch}`).join(', ')
  return `✓ ${item.image}${item.version === null ? '' : ` ${item.version}`}  ${where}${because}`
}

/** What a person asked for who releases one image by hand. */
export interface AskedRelease {
  readonly by: string
  /** Null: it stays in nightly. */
  readonly channel: string | null
  /** Why it is an emergency; null when it is none. */
  readonly emergency: string | null
}

/** The same in words. */
export const askedLines = ({ by, channel, emergency }: AskedRelease): readonly string[] => [
  `asked for by ${by}, for ${channel ?? 'nightly alone'}`,
  ...(emergency === null ? [] : [`EMERGENCY: ${emergency}`]),
]

/** The plan as Markdown, for the page of a run. @param more what is said above it, line by line */
export function matrixMarkdown(
  run: string,
  images: readonly PlannedImage[],
  more: readonly string[] = [],
): string {
  const { include } = matrixOf(images)
  const rows = images.map((item) => {
    if (item.status === 'failed')
      return [item.image, 'could not be planned', '', [item.message, ...item.lines, item.hint].join(' · ')]
    if (item.status === 'unchanged') return [item.image, 'unchanged', '', item.because.join('; ')]
    const where = item.jobs.map(({ target, arch }) => `${target}/${arch}`).join(', ')
    const version = item.work === 'distribute' ? 'as it is' : (item.version ?? 'to be built')
    return [item.image, version, where, item.because.join('; ')]
  })
  return [
    `### Plan: ${include.length} ${include.length === 1 ? 'job' : 'jobs'}, run ${markdownText(run)}`,
    '',
    ...more.flatMap((text) => [markdownText(text), '']),
    ...(rows.length === 0
      ? ['There is no image to plan.']
      : ['| image | version | where | why |', '|---|---|---|---|']),
    ...rows.map((row) => `| ${row.map(markdownText).join(' | ')} |`),
    '',
  ].join('\n')
}
