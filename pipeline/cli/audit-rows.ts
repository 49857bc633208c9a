import type { Approval, AuditAnswer, Share, Stay } from '../model/audit.ts'
import { localTime } from './local-time.ts'

type Row = readonly [name: string, text: string]

/** One row an item, the name before the first; a row that says so where there is none. */
const rowsOf = (name: string, texts: readonly string[], none: string | null): readonly Row[] =>
  texts.length === 0
    ? none === null
      ? []
      : [[name, none]]
    : texts.map((text, at): Row => [at === 0 ? name : '', text])

const words = { released: 'released', promoted: 'promoted', 'rolled-back': 'rolled back' } as const

/** The machine that was asked about. */
export function instanceRows({ instance, image, version }: AuditAnswer['what']): readonly Row[] {
  if (instance === null) return []
  const { id, started, evidence } = instance
  return evidence === 'boot'
    ? [
        [
          'machine',
          `${id}, started ${started === null ? '' : localTime(started)} by ./mintmark boot from this very image`,
        ],
      ]
    : [['machine', `${id}: the machine itself says that it is ${image}@${version}, which proves nothing`]]
}

/** Who built it. */
export function builderRows({ builder }: AuditAnswer['by']): readonly Row[] {
  if (builder === null) return [['builder', 'unknown: the record is of before it was told']]
  const { id, version, started, finished } = builder
  return [
    ['builder', `${id}, mintmark ${version}`],
    ['', `${localTime(started)} to ${localTime(finished)}`],
  ]
}

const approval = ({ at, channel, by, diff, from, comment }: Approval): string =>
  `${localTime(at)}  for ${channel} by ${by}, who saw the diff sha256:${diff} from ${from ?? 'nothing'}${comment === null ? '' : `: ${comment}`}`

function stay({
  channel,
  since,
  until,
  why,
  by,
  from,
  approvedBy,
  reason,
  accepted,
  ended,
  diff,
}: Stay): string {
  const start = since === null ? 'before its history began' : localTime(since)
  const how =
    why === null || by === null
      ? 'no event tells by whom'
      : [
          `${words[why]} by ${by} from ${from ?? 'nothing'}`,
          ...(approvedBy.length === 0 ? [] : [`approved by ${approvedBy.join(', ')}`]),
          ...(diff === null ? [] : [`diff sha256:${diff}`]),
          ...(reason === null ? [] : [`reason: ${reason}`]),
          ...(accepted.length === 0 ? [] : [`accepted: ${accepted.join(', ')}`]),
        ].join('; ')
  const end =
    until === null || ended === null
      ? ''
      : `; until ${localTime(until)}, then ${ended.to} (${words[ended.why]} by ${ended.by}${ended.reason === null ? '' : `: ${ended.reason}`})`
  return `${channel} since ${start}: ${how}${end}`
}

const share = ({ channel, principal, reference, since, by, until, revokedBy }: Share): string =>
  `${principal} (${channel}) at ${reference}, since ${localTime(since)} by ${by}${until === null ? '' : `, until ${localTime(until)} by ${revokedBy}`}`

/** Who approved it, which channels lead or led to it, and who has it. */
export function whereaboutRows({ approved, where, users, verified }: AuditAnswer): readonly Row[] {
  const { eventsBroken, histories } = verified
  const lost = eventsBroken !== null
  const strayed = histories.some(({ broken }) => broken !== null)
  const none = (text: string, unknown: boolean): string =>
    unknown ? "unknown: what would tell it can't be trusted" : text
  const later: Row = ['', "and what came after is unknown: the events can't be trusted"]
  const told = (rows: readonly Row[], count: number): readonly Row[] =>
    lost && count > 0 ? [...rows, later] : rows
  return [
    ...told(
      rowsOf('approved', approved.approvals.map(approval), none('by nobody', lost)),
      approved.approvals.length,
    ),
    ...rowsOf('is in', where.now.map(stay), none('no channel', strayed)),
    ...rowsOf('was in', where.before.map(stay), null),
    ...told(rowsOf('shared with', users.now.map(share), none('nobody', lost)), users.now.length),
    ...rowsOf('once with', users.before.map(share), null),
  ]
}

/** Controls that did not hold, whether an exception covers them or not. */
export function controlRows({ failed, excepted }: AuditAnswer['controls']): readonly Row[] {
  if (failed === null) return [['failed', 'unknown: the results are not stored as they were recorded']]
  return rowsOf(
    'failed',
    failed.map(
      ({ control, status, where, expected, found }) =>
        `${control}  ${status}${where.length === 0 ? '' : ` (${where.join(', ')})`}: expected ${expected}, found ${found}${excepted.some((item) => item.control === control) ? '; an exception covers it' : ''}`,
    ),
    null,
  )
}

/** Boots of the image before it was released. */
export function bootRows({ boots }: AuditAnswer['tested']): readonly Row[] {
  return boots === null || boots.length === 0
    ? []
    : [
        [
          'booted',
          boots
            .map(
              ({ instance, purpose, secondsToLogin }) =>
                `${instance}${purpose === undefined ? '' : ` (${purpose})`} in ${secondsToLogin.toFixed(0)} s`,
            )
            .join(', '),
        ],
      ]
}

/** Every link that was checked, and what was not. */
export function verifiedRows({ links, histories }: AuditAnswer['verified'], name: string): readonly Row[] {
  const row = (first: string, { right, text }: AuditAnswer['verified']['links'][number]): Row => [
    first,
    `${right ? '✓' : `✗ ${first === 'signed' ? 'signature' : first}`} ${text}`,
  ]
  const signature = links.filter((link) => link.name === 'signature')
  const others = links.filter((link) => link.name !== 'signature')
  return [
    ...signature.map((link) => row('signed', link)),
    ...others.map((link, at): Row => {
      const [, text] = row(link.name, link)
      return [at === 0 ? 'verified' : '', link.right ? text.replace('✓', `✓ ${link.name.padEnd(10)}`) : text]
    }),
    ...histories
      .filter(({ broken, moves }) => broken === null && moves > 0)
      .map(
        ({ channel, moves }): Row => [
          '',
          `✓ history    ${channel}, ${moves} move${moves === 1 ? '' : 's'} unchanged`,
        ],
      ),
    ['', `- bytes      the image and its reports were not read: ./mintmark verify ${name}`],
  ]
}
