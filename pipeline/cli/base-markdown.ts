import { daysSince } from '../core/days.ts'
import type { AmiLock } from '../model/ami.ts'
import type { ImageLock, SeenSuite, TargetLock } from '../model/base.ts'
import type { Lifecycle } from '../model/lifecycle.ts'

type Row = readonly [what: string, from: string, to: string]

const days = (from: string, now: Date): string => `${daysSince(from, now)} d`

const code = (text: string): string => `\`${text.replaceAll('`', '')}\``

export interface Move {
  readonly image: string
  readonly from: TargetLock | null
  readonly to: TargetLock
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

function amiRows(from: AmiLock | null, to: AmiLock, now: Date): readonly Row[] {
  return [
    ['AMI', from === null ? '-' : code(from.name), code(to.name)],
    [
      'built',
      from === null ? '-' : from.built.slice(0, 10),
      `${to.built.slice(0, 10)} (${days(to.built, now)})`,
    ],
    ...Object.entries(to.regions).map(([region, { imageId }]): Row => {
      const before = from?.regions[region]
      return [region, before === undefined ? '-' : code(before.imageId), code(imageId)]
    }),
  ]
}

/** What changes of the base, by the kind of its lock. */
function rowsOf(move: Move): readonly Row[] {
  const { from, to, now } = move
  switch (to.from) {
    case 'archive':
      return archiveRows(move)
    case 'image':
      return imageRows(from?.from === 'image' ? from : null, to, now)
    case 'ami':
      return amiRows(from?.from === 'ami' ? from : null, to, now)
  }
}

function evidence({ to, suites }: Move): readonly string[] {
  if (to.from === 'archive')
    return suites.map(
      (suite) =>
        `- ${suite.suite}: InRelease sha256 ${code(suite.inRelease)}, signed by ${suite.signedBy.map(code).join(', ')}`,
    )
  if (to.from === 'ami')
    return [
      `- owner ${code(to.owner)} (${to.publisher}), found by ${code(to.selector.by === 'parameter' ? to.selector.parameter : to.selector.pattern)}`,
      ...Object.entries(to.regions).map(
        ([region, ami]) => `- ${region}: snapshot ${code(ami.snapshot)}, made ${ami.created}`,
      ),
    ]
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
  const { image, to, moved, lifecycle } = move
  const title = `${to.distribution} ${to.release}, from ${to.from}`
  if (!moved)
    return `### Base of ${image}: nothing moved\n\n${title}: \`images/${image}.lock.json\` is up to date.\n`
  const rows = rowsOf(move)
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
