import { everybody, granteeOf } from './aws-principals.ts'
import {
  holdersOf,
  isOfRelease,
  isSeen,
  isSpare,
  refusalIn,
  type SeenSharedRegion,
  type SharedAmi,
  type SharedKey,
  type SharedRegion,
  type ShareFacts,
  unrecorded,
} from './aws-share.ts'
import {
  granteesOf,
  keyUse,
  mostOfAPolicy,
  type PolicyChange,
  shareStatements,
  withGrantees,
  withoutShares,
} from './key-policy.ts'
import { compare, grouped, listed, unique } from './lists.ts'
import type { Problem } from './share-plan.ts'

/** What is to change for a principal. */
export interface Effect {
  readonly principal: string
  readonly version: string
  readonly variant: string
  readonly gives: boolean
}

export const isOf = (effect: Effect, { version, variant }: Pick<SharedAmi, 'version' | 'variant'>): boolean =>
  effect.version === version && effect.variant === variant

/** Who may launch images with the key once that is done. */
function holdersAfter(
  region: SeenSharedRegion,
  { arn }: SharedKey,
  effects: readonly Effect[],
  facts: ShareFacts,
): readonly string[] {
  const using = region.amis.filter(({ volumes }) => volumes.some(({ key }) => key === arn))
  const holders = using.flatMap((ami) => {
    const own = effects.filter((effect) => isOf(effect, ami))
    const loses = own.filter(({ gives }) => !gives).map(({ principal }) => principal)
    const gets = own.filter(({ gives }) => gives).map(({ principal }) => principal)
    return [
      ...ami.launch.filter((principal) => !loses.includes(principal)),
      ...gets.filter((principal) => refusalIn(region, ami, principal, facts) === null),
    ]
  })
  return unique(holders).filter((principal) => principal !== everybody)
}

/** How the policy of a key is to change with these effects; null: it is as it should be, or not ours to write. */
export function policyChange(
  region: SeenSharedRegion,
  key: SharedKey,
  effects: readonly Effect[],
  facts: ShareFacts,
): PolicyChange | null {
  const { policy, granted } = key
  if (policy === null || !facts.manages || !isOfRelease(region, key)) return null
  const holders = holdersAfter(region, key, effects, facts)
  // Who may launch an image because somebody gave it by hand gets no key by that.
  const named = unique([
    ...granteesOf(policy, facts.image, holders),
    ...effects.filter(({ gives }) => gives).map(({ principal }) => principal),
  ])
  const foreign = withoutShares(policy, null)
  const grantees = holders.flatMap((principal) => {
    const grantee = named.includes(principal) ? granteeOf(principal) : null
    if (grantee === null || (grantee.kind === 'account' && granted.includes(grantee.account))) return []
    // Whom somebody else's statement lets in needs none of ours.
    return keyUse(foreign, grantee, region.region).missing.length === 0 ? [] : [grantee]
  })
  return withGrantees(policy, facts.image, grantees)
}

/** Keys that statements of ours still let somebody use, and that no action mends. */
function leftInPolicies(
  region: SeenSharedRegion,
  effects: readonly Effect[],
  facts: ShareFacts,
): readonly Problem[] {
  return region.keys.flatMap((key) => {
    if (key.policy === null || (facts.manages && isOfRelease(region, key))) return []
    const holders = holdersAfter(region, key, effects, facts)
    const left = granteesOf(key.policy, facts.image, holders).filter((one) => !holders.includes(one))
    if (left.length === 0) return []
    return [
      {
        why: `statements of ours in the policy of ${key.arn} still let ${listed(left)} use it`,
        hint: isOfRelease(region, key)
          ? 'set targets.aws.encrypt.managePolicy: true and apply, or take out what begins with MintmarkShare'
          : 'no release has an image with that key there any more: take out what begins with MintmarkShare',
      },
    ]
  })
}

/** What a policy loses and gets. */
interface PolicyText {
  readonly title: string
  readonly lines: readonly string[]
}

/** What the keys' policies need or lose with these effects, and for whom they lack something that we may not write: for people. */
export function policyLines(
  regions: readonly SharedRegion[],
  effects: readonly Effect[],
  wanted: readonly Effect[],
  facts: ShareFacts,
): readonly string[] {
  const texts = regions.filter(isSeen).flatMap((region) =>
    region.keys.flatMap((key): readonly PolicyText[] => {
      const change = policyChange(region, key, effects, facts)
      if (change !== null)
        return [
          {
            title: `policy of ${key.arn}`,
            lines: [
              ...change.removed.map((statement) => `  - ${JSON.stringify(statement)}`),
              ...change.added.map((statement) => `  + ${JSON.stringify(statement)}`),
            ],
          },
        ]
      if (facts.manages || key.policy === null || key.unusable !== null) return []
      const lacking = unique(
        wanted
          .filter((effect) =>
            region.amis.some(
              (ami) =>
                isOf(effect, ami) &&
                ami.volumes.some((volume) => volume.key === key.arn) &&
                facts.useOf(key, effect.principal, region.region).lack !== null,
            ),
          )
          .map(({ principal }) => principal),
      ).flatMap((principal) => granteeOf(principal) ?? [])
      if (lacking.length === 0) return []
      return [
        {
          title: `policy of ${key.arn}: to be added there`,
          lines: shareStatements(facts.image, lacking).map((statement) => `  + ${JSON.stringify(statement)}`),
        },
      ]
    }),
  )
  // Keys of many regions change alike: what they do is said once, below all of them.
  return grouped(texts, ({ lines }) => lines.join('\n')).flatMap(([, alike]) => [
    ...alike.map(({ title }) => title),
    ...(alike[0]?.lines ?? []),
  ])
}

/** Why a policy can't be written. */
export const tooLong = (arn: string, length: number): Problem => ({
  why: `the policy of ${arn} would have ${length} characters, and KMS takes ${mostOfAPolicy}`,
  hint: 'name an organization or a unit instead of its accounts, or give the image a key of its own',
})

/**
 * Regions in which something hinders some of those who are to get a release that others of its regions give, and what these effects leave where it
 * should not be.
 */
export function regionProblems(
  regions: readonly SharedRegion[],
  effects: readonly Effect[],
  wanted: readonly Effect[],
  facts: ShareFacts,
): readonly Problem[] {
  const unreachable = regions.flatMap((region) =>
    isSeen(region) ? [] : [{ why: `${region.region} stays as it is: ${region.why}`, hint: region.hint }],
  )
  const seen = regions.filter(isSeen)
  const refused = seen.flatMap((region) =>
    region.amis.flatMap((ami) =>
      wanted
        .filter((effect) => isOf(effect, ami) && !isSpare(region, ami))
        .flatMap((effect) => {
          const { principal } = effect
          const refusal = refusalIn(region, ami, principal, facts)
          const elsewhere = seen.some((other) =>
            other.amis.some(
              (item) => isOf(effect, item) && refusalIn(other, item, principal, facts) === null,
            ),
          )
          return refusal === null || !elsewhere
            ? []
            : [{ text: `${region.region} does not give it: ${refusal.why}`, hint: refusal.hint, principal }]
        }),
    ),
  )
  const texts = unique(refused.map(({ text }) => text))
  const open = seen.flatMap(({ region, amis }) =>
    amis
      .filter((ami) => ami.version === unrecorded && holdersOf(ami).includes(everybody))
      .map(({ imageId }) => ({
        why: `${imageId} in ${region} is public, and the catalog has no record of it`,
        hint: `aws ec2 reset-image-attribute --region ${region} --image-id ${imageId} --attribute launchPermission`,
      })),
  )
  const long = seen.flatMap((region) =>
    region.keys.flatMap((key) => {
      const length = policyChange(region, key, wanted, facts)?.text.length ?? 0
      return length <= mostOfAPolicy ? [] : [tooLong(key.arn, length)]
    }),
  )
  return [
    ...unreachable,
    ...open,
    ...long,
    ...seen.flatMap((region) => leftInPolicies(region, effects, facts)),
    ...texts.map((text) => {
      const own = refused.filter((item) => item.text === text)
      return {
        why: `${text} (${listed(unique(own.map(({ principal }) => principal)))})`,
        hint: own[0]?.hint ?? '',
      }
    }),
  ].sort((a, b) => compare(a.why, b.why))
}
