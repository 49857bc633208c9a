import type { ReleaseDiff } from './diff-releases.ts'
import { renderDiffMarkdown } from './render-diff.ts'
import { shareMarkdown } from './render-share.ts'
import { markdownText } from './report/render-markdown.ts'
import type { SharePlan } from './share-plan.ts'

/** One thing that a channel asks of a release. */
interface LookedNeed {
  readonly name: string
  readonly met: boolean
  readonly text: string
  readonly mend: string | null
}

/** What a reviewer is shown before a release goes into a channel. */
export interface ReviewPage {
  readonly image: string
  readonly version: string
  readonly channel: string
  /** Who asks for it. */
  readonly by: string
  /** Digest of the diffs. */
  readonly digest: string
  readonly needs: readonly LookedNeed[]
  readonly notes: readonly string[]
  readonly share: {
    readonly plan: SharePlan
    readonly problems: readonly { readonly why: string }[]
    readonly notes: readonly string[]
    readonly besides: readonly string[]
  }
  /** One a variant. */
  readonly diffs: readonly ReleaseDiff[]
}

/** What it lacks besides the approval that the review itself is, by name. */
export const lacking = (needs: readonly LookedNeed[]): readonly string[] =>
  needs.flatMap(({ name, met }) => (met || name === 'approvals' ? [] : [name]))

const signOf = ({ name, met }: LookedNeed): string => (met ? '✓' : name === 'approvals' ? '·' : '✗')

/** The page as Markdown. What decides comes first: a long page may be cut at its end. */
export function reviewMarkdown(page: ReviewPage): string {
  const { image, version, channel, by, digest, needs, notes, share, diffs } = page
  const lacks = lacking(needs)
  const mends = new Set(
    needs.flatMap(({ met, mend, name }) => (met || mend === null || name === 'approvals' ? [] : [mend])),
  )
  return [
    `# ${markdownText(`${image}@${version}`)} for ${markdownText(channel)}`,
    '',
    `Asked for by ${markdownText(by)}, who can't approve it. Who lets the next job in accepts exactly what is on this page, by two digests, and is told so in the release's history:`,
    '',
    `- diff \`sha256:${digest}\``,
    `- sharing \`${share.plan.digest}\``,
    '',
    `### What ${markdownText(channel)} needs`,
    '',
    '| | what | |',
    '|---|---|---|',
    ...needs.map((need) => `| ${signOf(need)} | ${markdownText(need.name)} | ${markdownText(need.text)} |`),
    ...(lacks.length === 0
      ? []
      : ['', `**It would be refused now: ${lacks.map(markdownText).join(', ')}.**`]),
    ...[...mends].map((text) => `- ${markdownText(text)}`),
    ...notes.flatMap((text) => ['', `Note: ${markdownText(text)}`]),
    '',
    shareMarkdown(
      image,
      share.plan,
      [...share.problems.map(({ why }) => why), ...share.notes],
      share.besides,
    ),
    ...diffs.flatMap((diff) => ['', `_${markdownText(diff.variant)}_`, '', renderDiffMarkdown(diff)]),
    '',
  ].join('\n')
}
