import { daysSince } from '../core/days.ts'
import type { BaseLock, ImageLock, SeenSuite } from '../model/base.ts'
import type { Lifecycle } from '../model/lifecycle.ts'

type Row = readonly [what: string, from: string, to: string]

const days = (from: string, now: Date): string => `${daysSince(from, now)} d`

const code = (text: string): string => `\`${text.replaceAll('`', '')}\``

export interface Move {
  readonly image: string
  readonly from: BaseLock | null
  readonly to: BaseLock
  /** Null when nothing moved. */
  readonly moved: boolean
  /** What an archive served; empty for images. */
  readonly suites: readonly SeenSuite[]
  readonly lifecycle: Lifecycle
  readonly now: Date
}

function archiveRows({ from, to, suites, now }: Move): readonly Row[] {
  if (to.from !== 'archive') return []
  const before = from?.from === 'archive' ? from : null
  return suites.map((suite): Row => {
    const floor = before?.floor[suite.suite]
    return [suite.suite, floor ?? '-', `${suite.date} (${days(suite.date, now)})`]
  })
}

function imageRows(from: ImageLock | null, to: ImageLock, now: Date): readonly Row[] {
  return [
    ['image', from === null ? '-' : code(from.name), code(to.name)],
    [
      'built',
      from === null ? '-' : from.built.slice(0, 10),
      `${to.built.slice(0, 10)} (${days(to.built, now)})`,
    ],
    ['sha256', from === null ? '-' : code(from.sha256), code(to.sha256)],
  ]
}

function evidence({ to, suites }: Move): readonly string[] {
  if (to.from === 'archive')
    return suites.map(
      (suite) =>
        `- ${suite.suite}: InRelease sha256 ${code(suite.inRelease)}, signed by ${suite.signedBy.map(code).join(', ')}`,
    )
  const { signature, checksums, url } = to
  if (signature === null) return ['- **No signature**: a file of the team, that no publisher vouches for']
  return [
    `- ${url}`,
    `- ${code(checksums?.name ?? '')} sha256 ${code(checksums?.sha256 ?? '')}, signed ${signature.made} by ${code(signature.fingerprint)}, ${signature.name}`,
    `- fingerprint read from: ${signature.origin}`,
  ]
}

/** What a pull request that moves a lock says. */
export function markdownOf(move: Move): string {
  const { image, from, to, moved, lifecycle, now } = move
  const title = `${to.distribution} ${to.release}, from ${to.from}`
  if (!moved)
    return `### Base of ${image}: nothing moved\n\n${title}: \`images/${image}.lock.json\` is up to date.\n`
  const rows =
    to.from === 'image' ? imageRows(from?.from === 'image' ? from : null, to, now) : archiveRows(move)
  const until = lifecycle.until === null ? '' : ` until ${lifecycle.until}`
  return [
    `### Base of ${image}: ${title}`,
    '',
    '| | from | to |',
    '|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    'Evidence, verified before the lock was written:',
    ...evidence(move),
    `- lifecycle: ${lifecycle.state}${until} (${lifecycle.source})`,
    '',
  ].join('\n')
}
