import { everybody, granteeOf } from './aws-principals.ts'
import { granteesOf, type KeyPolicy, keyUse, withoutShares } from './key-policy.ts'
import { listed, unique } from './lists.ts'
import type { Problem } from './share-plan.ts'
import type { SeenRelease, Uses } from './share-sight.ts'
import { compareVersions } from './versions.ts'

export interface SeenVolume {
  readonly snapshotId: string
  /** Principals, as plans name them. */
  readonly shared: readonly string[]
  /** ARN; null: it is not encrypted. */
  readonly key: string | null
}

/** In place of a version: an image by the name of a release of which the catalog has no record. */
export const unrecorded = ''

/** A release's image in one region, and who may launch and copy it. */
export interface SharedAmi {
  readonly imageId: string
  readonly version: string
  readonly variant: string
  /** The record, or an event of the release, says that it is the release's. Another one that looks like it is only ever taken away. */
  readonly told: boolean
  /** EC2's word: only an available one can be given. */
  readonly state: string
  readonly launch: readonly string[]
  readonly volumes: readonly SeenVolume[]
}

export interface SharedKey {
  readonly arn: string
  /** Why nobody gets it, whatever a policy says: AWS's own, of another account, disabled, to be deleted; null: they can. */
  readonly unusable: Problem | null
  /** Null: it could not be read. */
  readonly policy: KeyPolicy | null
  /** Why its policy, or its grants, could not be read. */
  readonly unread: Problem | null
  /** Accounts that can use it by a grant. */
  readonly granted: readonly string[]
}

export type SharedRegion =
  | {
      readonly region: string
      readonly status: 'seen'
      readonly amis: readonly SharedAmi[]
      readonly keys: readonly SharedKey[]
    }
  | ({ readonly region: string; readonly status: 'unreachable' } & Problem)
export type SeenSharedRegion = Extract<SharedRegion, { readonly status: 'seen' }>

/** Why a principal can't use a key, and whether we may mend that. `perhaps`: what may deny it all the same, for people. */
interface KeyLack extends Problem {
  readonly mends: boolean
}
interface KeySight {
  /** Null: it can use it. */
  readonly lack: KeyLack | null
  readonly perhaps: readonly string[]
}

/** All that a judgement needs besides the regions. */
interface Scope {
  readonly image: string
  readonly partition: string
  /** Ours: it has its images already. */
  readonly account: string
  /** The definition lets us write statements into the keys' policies. */
  readonly manages: boolean
}
export interface ShareFacts extends Scope {
  /** What a principal can do with a key: looked at once, for policies are long and principals many. */
  readonly useOf: (key: SharedKey, principal: string, region: string) => KeySight
}

export function shareFacts(scope: Scope): ShareFacts {
  const seen = new Map<string, KeySight>()
  return {
    ...scope,
    useOf(key, principal, region) {
      const name = `${key.arn} ${principal}`
      const sight = seen.get(name) ?? useOf(key, principal, scope, region)
      seen.set(name, sight)
      return sight
    },
  }
}

export const isSeen = (region: SharedRegion): region is SeenSharedRegion => region.status === 'seen'

/** Everybody who has anything of the image there. */
export const holdersOf = ({ launch, volumes }: SharedAmi): readonly string[] =>
  unique([...launch, ...volumes.flatMap((volume) => volume.shared)])

const keysOf = ({ keys }: SeenSharedRegion, { volumes }: SharedAmi): readonly SharedKey[] => {
  const arns = unique(volumes.flatMap(({ key }) => key ?? []))
  return arns.flatMap((arn) => keys.find((key) => key.arn === arn) ?? [])
}

function useOf(
  { arn, unusable, policy, unread, granted }: SharedKey,
  principal: string,
  { image, manages }: Scope,
  region: string,
): KeySight {
  const lacks = (problem: Problem, mends = false): KeySight => ({ lack: { ...problem, mends }, perhaps: [] })
  if (unusable !== null) return lacks(unusable)
  const grantee = granteeOf(principal)
  if (grantee === null || grantee.kind === 'everybody')
    return lacks({ why: 'what is encrypted is for nobody in particular', hint: 'name who gets it' })
  if (policy === null)
    return lacks(unread ?? { why: `the policy of ${arn} is none`, hint: 'look at it in the KMS console' })
  const { missing, denied, perhaps } = keyUse(
    manages ? withoutShares(policy, image) : policy,
    grantee,
    region,
  )
  if (denied !== null)
    return lacks({
      why: `statement ${denied} of the policy of ${arn} denies it the key`,
      hint: 'whoever keeps that key has to take the statement away, or leave the principal out of it',
    })
  const isGranted = grantee.kind === 'account' && granted.includes(grantee.account)
  if (missing.length === 0 || isGranted) return { lack: null, perhaps }
  const more = unread === null ? '' : `; its grants could not be read: ${unread.why}`
  const why = `the policy of ${arn} does not let it use the key (${missing.join(', ')})${more}`
  const hint = 'add the statements below to that policy, or set targets.aws.encrypt.managePolicy: true'
  return { lack: { why, hint, mends: manages }, perhaps }
}

/** Whether it has all that a principal is to have of this image, but for the key. */
const hasAll = ({ launch, volumes }: SharedAmi, principal: string): boolean =>
  launch.includes(principal) &&
  (granteeOf(principal)?.kind !== 'account' || volumes.every(({ shared }) => shared.includes(principal)))

/** Whether an image of the catalog has the key there: then an action can mend its policy. */
export const isOfRelease = ({ amis }: SeenSharedRegion, { arn }: SharedKey): boolean =>
  amis.some(({ version, volumes }) => version !== unrecorded && volumes.some(({ key }) => key === arn))

/** Region -> principals that only a key's policy there still names: an apply was stopped before it could take that away. */
export type Strays = ReadonlyMap<string, readonly string[]>

/** @param known principals that a policy may mean, which has no management accounts in it */
export function straysOf(
  regions: readonly SharedRegion[],
  { image, manages }: Pick<ShareFacts, 'image' | 'manages'>,
  known: readonly string[],
): Strays {
  const seen = manages ? regions.filter(isSeen) : []
  return new Map(
    seen.map((region) => {
      const held = unique(region.amis.flatMap(({ launch }) => launch))
      const meant = unique([...known, ...held])
      const keys = region.keys.filter((key) => isOfRelease(region, key))
      const named = keys.flatMap(({ policy }) => (policy === null ? [] : granteesOf(policy, image, meant)))
      return [region.region, unique(named).filter((principal) => !held.includes(principal))]
    }),
  )
}

const newestOf = ({ amis }: SeenSharedRegion): string | undefined =>
  amis
    .map(({ version }) => version)
    .filter((version) => version !== unrecorded)
    .sort((a, b) => compareVersions(b, a))[0]

/** Why a region can't give the image to the principal; null: it can. */
export function refusalIn(
  region: SeenSharedRegion,
  ami: SharedAmi,
  principal: string,
  facts: ShareFacts,
): Problem | null {
  if (!ami.told)
    return {
      why: `no event of ${facts.image}@${ami.version} says yet that ${ami.imageId} is its image there`,
      hint: `./mintmark release ${facts.image} looks at it and says so`,
    }
  if (ami.state !== 'available')
    return {
      why: `${ami.imageId} is ${ami.state}`,
      hint: `aws ec2 describe-images --region ${region.region} --image-ids ${ami.imageId}`,
    }
  const lacks = keysOf(region, ami)
    .map((key) => facts.useOf(key, principal, region.region).lack)
    .find((lack) => lack !== null && !lack.mends)
  return lacks === undefined || lacks === null ? null : { why: lacks.why, hint: lacks.hint }
}

/** One that only looks like the release's, beside the one that is told of: nobody needs it. */
export const isSpare = ({ amis }: SeenSharedRegion, ami: SharedAmi): boolean =>
  !ami.told &&
  amis.some(({ told, version, variant }) => told && version === ami.version && variant === ami.variant)

interface Judged {
  readonly region: SeenSharedRegion
  readonly ami: SharedAmi
  readonly refusal: Problem | null
  /** Its key is not for the principal yet, and will be. */
  readonly mendsKey: boolean
  /** Statements that may deny it the key under conditions that are not judged here. */
  readonly perhaps: readonly string[]
}

function usesOf(principal: string, judged: readonly Judged[], refused: Problem | null): Uses {
  const isAccount = granteeOf(principal)?.kind === 'account'
  const behind = judged.filter(({ refusal }) => refusal !== null).map(({ region }) => region.region)
  const perhaps = unique(judged.flatMap((item) => item.perhaps))
  const encrypted = judged.some(({ ami }) => ami.volumes.some(({ key }) => key !== null))
  const launchable =
    refused !== null
      ? { yes: false, why: refused.why }
      : {
          yes: true,
          why: [
            judged.some(({ mendsKey }) => mendsKey)
              ? 'once its key names it too'
              : encrypted
                ? 'image and key are for it'
                : 'the image is for it, and it has no key',
            ...(behind.length === 0 ? [] : [`not in ${listed(behind)}`]),
            ...(perhaps.length === 0 ? [] : [`unless statement ${listed(perhaps)} denies it`]),
          ].join('; '),
        }
  const copyable = !isAccount
    ? { yes: false, why: 'EC2 shares snapshots with accounts alone: name those that copy it' }
    : refused !== null
      ? { yes: false, why: refused.why }
      : { yes: true, why: 'its snapshots are shared too' }
  return { launchable, copyable }
}

/** What a principal has of a release, over all regions that could be looked at. */
export function judgeRelease(
  regions: readonly SharedRegion[],
  release: { readonly version: string; readonly variant: string },
  principal: string,
  facts: ShareFacts,
  strays: Strays,
): SeenRelease {
  const { version, variant } = release
  const found = regions
    .filter(isSeen)
    .flatMap((region) =>
      region.amis
        .filter((ami) => ami.version === version && ami.variant === variant)
        .map((ami) => ({ region, ami })),
    )
  const judged = found
    .filter(({ region, ami }) => !isSpare(region, ami))
    .map(({ region, ami }): Judged => {
      const uses = keysOf(region, ami).map((key) => facts.useOf(key, principal, region.region))
      return {
        region,
        ami,
        refusal: refusalIn(region, ami, principal, facts),
        mendsKey: uses.some(({ lack }) => lack?.mends === true),
        perhaps: uses.flatMap((use) => use.perhaps),
      }
    })
  const stray = regions
    .filter(isSeen)
    .some((region) => newestOf(region) === version && strays.get(region.region)?.includes(principal))
  const anything = found.some(({ ami }) => holdersOf(ami).includes(principal)) || stray
  const seen = { version, variant, status: anything ? 'present' : 'absent', why: null } as const
  if (principal === everybody) return seen
  const given = judged.filter(({ refusal }) => refusal === null)
  const unreachable = regions.find((region) => !isSeen(region))
  const refused: Problem | null =
    judged.length === 0
      ? unreachable === undefined
        ? {
            why: `no region has an image of ${facts.image}@${version} any more`,
            hint: `./mintmark verify ${facts.image}@${version}`,
          }
        : { why: unreachable.status === 'unreachable' ? unreachable.why : '', hint: 'run it again later' }
      : given.length === 0
        ? (judged[0]?.refusal ?? null)
        : principal === `account:${facts.account}`
          ? { why: 'it is the account that owns the image', hint: 'take it out of the channel' }
          : null
  const whole = given.every(({ ami, mendsKey }) => hasAll(ami, principal) && !mendsKey)
  return {
    ...seen,
    ...(whole ? {} : { mends: true as const }),
    ...(refused === null ? {} : { refused }),
    uses: usesOf(principal, judged, refused),
  }
}
