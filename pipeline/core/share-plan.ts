import { firstChannel } from '../model/channel.ts'
import { everybody } from './aws-principals.ts'
import { digestOf } from './digest.ts'
import { compare } from './lists.ts'
import type { PlaceSight, SeenHead, SeenRelease, Uses } from './share-sight.ts'
import { compareVersions } from './versions.ts'

/** A channel of an image at a principal, for one target and architecture. */
export interface ShareLine {
  readonly principal: string
  readonly channel: string
  readonly variant: string
}

/** What the definition and the channel's pointer ask for. */
export interface Wanted extends ShareLine {
  /** What the channel points to; null when that can't be shared. */
  readonly release: { readonly version: string; readonly record: string } | null
  /** Why it can't; null when it can. */
  readonly problem: Problem | null
}

export interface Problem {
  readonly why: string
  readonly hint: string
}

/** The last event about a release at a principal. */
export interface LastShare extends ShareLine {
  readonly version: string
  readonly granted: boolean
  readonly at: string
  /** Digest of the event. */
  readonly event: string
}

interface Takes extends ShareLine {
  readonly version: string
  /** Something of it is there to be taken away; false: it is gone already, and only its event is missing. */
  readonly present: boolean
  /** The image itself stays: another channel gives it to the same principal. */
  readonly keepsImage: boolean
  /** The principal's own name for the channel goes as well. */
  readonly dropsHead: boolean
  readonly why: string
  /** Digest of the last event about it; null without one. */
  readonly last: string | null
}

export type ShareAction =
  | (ShareLine & {
      readonly kind: 'grant'
      readonly version: string
      readonly record: string
      /** The image has to be brought there. */
      readonly copies: boolean
      /** The version that the principal's channel named before; null for none. */
      readonly from: string | null
      /** An event says so already: it is only mended. */
      readonly known: boolean
      readonly last: string | null
      readonly uses?: Uses
    })
  /** Of a principal that is no longer named: it loses the image. */
  | (Takes & { readonly kind: 'revoke' })
  /** Of a version that the channel left two versions ago. */
  | (Takes & { readonly kind: 'retire' })
  | (ShareLine & {
      readonly kind: 'same'
      readonly version: string
      readonly role: 'current' | 'previous'
      readonly uses?: Uses
    })
  | (ShareLine & {
      readonly kind: 'blocked'
      readonly version: string | null
      readonly uses?: Uses
    } & Problem)

export interface SharePlan {
  readonly actions: readonly ShareAction[]
  /** Of what would be done. Lower-case hex. */
  readonly digest: string
}

export interface ShareInput {
  readonly wanted: readonly Wanted[]
  readonly history: readonly LastShare[]
  /** What principals were to get, whether or not an event tells that they have. */
  readonly intents: readonly ShareLine[]
  readonly sights: readonly PlaceSight[]
  /** Plan this channel alone; null: all. */
  readonly channel: string | null
}

const lineKey = ({ channel, variant }: Omit<ShareLine, 'principal'>): string => `${channel} ${variant}`
const imageKey = (variant: string, version: string): string => `${variant} ${version}`

/** Newest first. */
const byTime = (a: LastShare, b: LastShare): number =>
  compare(b.at, a.at) || compareVersions(b.version, a.version)

/** All that is known of one line of a principal. */
interface Line extends ShareLine {
  readonly wanted: Wanted | null
  /** Granted and not revoked, the newest first. */
  readonly held: readonly LastShare[]
  readonly events: readonly LastShare[]
  readonly head: SeenHead | null
  /** The head is what is there, and not what events say. */
  readonly headSeen: boolean
}

/** What a line's newest event says, for a place without names for channels. */
const toldHead = ({ channel, variant, held: [newest] }: Omit<Line, 'head' | 'headSeen'>): SeenHead | null =>
  newest === undefined ? null : { channel, variant, version: newest.version, why: null }

function linesOf(principal: string, input: ShareInput, heads: readonly SeenHead[] | null): readonly Line[] {
  const wanted = input.wanted.filter((item) => item.principal === principal)
  const events = input.history.filter((item) => item.principal === principal)
  const named = [
    ...wanted,
    ...events.filter((item) => item.granted),
    ...input.intents.filter((item) => item.principal === principal),
    ...(heads ?? []).filter((item) => item.version),
  ]
  const keys = new Map(named.map((item) => [lineKey(item), item]))
  const sorted = [...keys].sort(([a], [b]) => compare(a, b))
  return sorted.map(([key, { channel, variant }]) => {
    const own = events.filter((item) => lineKey(item) === key)
    const line = {
      principal,
      channel,
      variant,
      wanted: wanted.find((item) => lineKey(item) === key) ?? null,
      held: own.filter((item) => item.granted).sort(byTime),
      events: own,
    }
    const head = heads === null ? toldHead(line) : heads.find((item) => lineKey(item) === key)
    return { ...line, head: head ?? null, headSeen: heads !== null }
  })
}

type Look = (
  variant: string,
  version: string,
) => Pick<SeenRelease, 'status' | 'why' | 'mends' | 'uses' | 'refused'>

const withUses = ({ uses }: Pick<SeenRelease, 'uses'>) => (uses === undefined ? {} : { uses })

/** The version that a line keeps besides the wanted one: what people started from it goes on. One with other bytes in its place is none. */
function previousOf(line: Line, version: string, look: Look): string | null {
  const there = line.held
    .map((item) => item.version)
    .filter((item) => item !== version && look(line.variant, item).status === 'present')
  return there.find((item) => item === line.head?.version) ?? there[0] ?? null
}

/** Versions that a line has; a head without an event: an apply was stopped before it could tell. */
const heldBy = (line: Line): readonly string[] => [
  ...new Set([...line.held.map((item) => item.version), ...(line.head?.version ? [line.head.version] : [])]),
]

/** Versions that a line leaves where they are. One that can't be given what it should have keeps all. */
function staysOf(line: Line, look: Look): readonly string[] {
  if (line.wanted === null) return []
  const { release } = line.wanted
  if (release === null || grantOf(line, release, look).kind === 'blocked') return heldBy(line)
  const previous = previousOf(line, release.version, look)
  return previous === null ? [release.version] : [release.version, previous]
}

const bare = ({ principal, channel, variant }: ShareLine): ShareLine => ({ principal, channel, variant })

const ambiguous = (
  line: ShareLine,
  version: string,
  { why, refused }: Pick<SeenRelease, 'why' | 'refused'>,
): ShareAction => ({
  ...bare(line),
  kind: 'blocked',
  version,
  why: why ?? 'something else is in its place',
  hint: 'look at it there and take it away yourself, then run the same command again',
  ...refused,
})

function grantOf(line: Line, release: NonNullable<Wanted['release']>, look: Look): ShareAction {
  const { version, record } = release
  const seen = look(line.variant, version)
  const { status } = seen
  if (line.head?.why) return ambiguous(line, version, line.head)
  if (status === 'ambiguous') return ambiguous(line, version, seen)
  if (seen.refused !== undefined)
    return { ...bare(line), kind: 'blocked', version, ...seen.refused, ...withUses(seen) }
  const known = line.held[0]?.version === version
  const from = line.head?.version ?? null
  const whole = status === 'present' && seen.mends !== true
  if (whole && from === version && known && line.head?.mends !== true)
    return { ...bare(line), kind: 'same', version, role: 'current', ...withUses(seen) }
  return {
    ...bare(line),
    kind: 'grant',
    version,
    record,
    copies: !whole,
    from,
    known,
    last: line.events.find((item) => item.version === version)?.event ?? null,
    ...withUses(seen),
  }
}

function lineActions(
  line: Line,
  stays: ReadonlySet<string>,
  look: Look,
  unseen: boolean,
): readonly ShareAction[] {
  const { wanted, variant } = line
  if (wanted !== null && wanted.release === null) {
    const problem = wanted.problem ?? { why: 'the channel has no release', hint: './mintmark releases' }
    return [{ ...bare(line), kind: 'blocked', version: null, ...problem }]
  }
  const take = (version: string): ShareAction => {
    const seen = look(variant, version)
    if (seen.status === 'ambiguous') return ambiguous(line, version, seen)
    const dropsHead = wanted === null
    return {
      ...bare(line),
      kind: wanted === null ? 'revoke' : 'retire',
      version,
      present:
        seen.status === 'present' || unseen || (dropsHead && line.headSeen && line.head?.version === version),
      keepsImage: stays.has(imageKey(variant, version)),
      dropsHead,
      why: wanted === null ? 'no longer named' : 'superseded',
      last: line.events.find((item) => item.version === version)?.event ?? null,
    }
  }
  const held = heldBy(line)
  if (wanted === null || wanted.release === null) return held.map(take)
  const { version } = wanted.release
  const given = grantOf(line, wanted.release, look)
  if (given.kind === 'blocked') return [given]
  const previous = previousOf(line, version, look)
  return [
    given,
    ...(previous === null
      ? []
      : [{ ...bare(line), kind: 'same', version: previous, role: 'previous' } as const]),
    ...held.filter((item) => item !== version && item !== previous).map(take),
  ]
}

/**
 * What lies there and no event and no channel knows of: an apply was stopped before it could tell, or where people can give by
 * themselves somebody did. Then it is of no channel, and counts for the first, which every release was in.
 */
function strays(
  principal: string,
  lines: readonly Line[],
  { releases, heads }: Extract<PlaceSight, { readonly status: 'seen' }>,
  stays: ReadonlySet<string>,
): readonly ShareAction[] {
  const others = heads === null
  const held = new Set(
    lines.flatMap((line) => heldBy(line).map((version) => imageKey(line.variant, version))),
  )
  return releases.flatMap(({ variant, version, status }): readonly ShareAction[] => {
    const key = imageKey(variant, version)
    const own = lines.find((item) => item.variant === variant)
    const line = own ?? (others ? { channel: firstChannel, variant, events: [] } : undefined)
    if (status !== 'present' || held.has(key) || stays.has(key) || line === undefined) return []
    return [
      {
        ...bare({ ...line, principal }),
        kind: 'revoke',
        version,
        present: true,
        keepsImage: false,
        dropsHead: false,
        why: others
          ? principal === everybody
            ? 'it is public'
            : 'no channel names it'
          : 'left there by an apply that was stopped',
        last: line.events.find((item) => item.version === version)?.event ?? null,
      },
    ]
  })
}

function placeActions(principal: string, input: ShareInput): readonly ShareAction[] {
  const sight = input.sights.find((item) => item.principal === principal)
  if (sight?.status !== 'seen') {
    const { why, hint } = sight ?? { why: 'nobody looked there', hint: 'look again' }
    return linesOf(principal, input, []).map((line) => ({
      ...bare(line),
      kind: 'blocked',
      version: line.wanted?.release?.version ?? line.held[0]?.version ?? null,
      why,
      hint,
    }))
  }
  const look: Look = (variant, version) =>
    sight.releases.find((item) => item.variant === variant && item.version === version) ?? {
      status: 'absent',
      why: null,
    }
  const lines = linesOf(principal, input, sight.heads)
  const stays = new Set(
    lines.flatMap((line) => staysOf(line, look).map((version) => imageKey(line.variant, version))),
  )
  return [
    ...lines.flatMap((line) => lineActions(line, stays, look, sight.unseen === true)),
    ...strays(principal, lines, sight, stays),
  ]
}

/** At a principal what is given comes before what is taken. */
const order: readonly ShareAction['kind'][] = ['blocked', 'same', 'grant', 'retire', 'revoke']

/** True for what `apply` would do. */
export const isPending = (action: ShareAction): boolean =>
  action.kind === 'grant' || action.kind === 'revoke' || action.kind === 'retire'

/** True for what somebody loses by it: a person has to have seen it. What is public is never left so. */
export const needsConsent = (action: ShareAction): boolean =>
  action.kind === 'revoke' && action.present && action.principal !== everybody

function digestOfPlan(actions: readonly ShareAction[]): string {
  return digestOf(
    actions.map((action) =>
      action.kind === 'blocked' ? { ...bare(action), kind: action.kind, version: action.version } : action,
    ),
  )
}

/**
 * What has to be done so that every principal has what its channels point to and nobody else has it. Pure; the order of what is
 * given does not matter. A principal that could not be looked at is only ever `blocked`.
 */
export function planShare(input: ShareInput): SharePlan {
  // Where people can give by themselves, whoever has it was looked for.
  const found = input.sights.filter((item) => item.status === 'seen' && item.heads === null)
  const principals = [
    ...input.wanted,
    ...input.history.filter((item) => item.granted),
    ...input.intents,
    ...found,
  ].map((item) => item.principal)
  const actions = [...new Set(principals)]
    .flatMap((principal) => placeActions(principal, input))
    .filter(
      (action) =>
        input.channel === null || action.channel === input.channel || action.principal === everybody,
    )
    .sort(
      (a, b) =>
        compare(a.principal, b.principal) ||
        order.indexOf(a.kind) - order.indexOf(b.kind) ||
        compare(a.channel, b.channel) ||
        compare(a.variant, b.variant) ||
        compareVersions(a.version ?? '0.0.0', b.version ?? '0.0.0'),
    )
  return { actions, digest: digestOfPlan(actions) }
}
