import { everybody } from '../../../core/aws-principals.ts'
import {
  holdersOf,
  isSeen,
  judgeRelease,
  type SeenSharedRegion,
  type ShareFacts,
  shareFacts,
  straysOf,
} from '../../../core/aws-share.ts'
import { type Effect, policyLines, regionProblems } from '../../../core/aws-share-effects.ts'
import { listed, unique } from '../../../core/lists.ts'
import type { ShareAction } from '../../../core/share-plan.ts'
import type { PlaceSight, SeenRelease } from '../../../core/share-sight.ts'
import { MintmarkError } from '../../../errors.ts'
import type { ShareInput, ShareScope, ShareSurvey, Sharing } from '../../target.ts'
import { type CallerIdentity, callerIdentity, requireAccount } from '../account.ts'
import type { AwsCalls } from '../client.ts'
import type { CallsAt } from '../connect.ts'
import { changeShares } from './change.ts'
import { type AmiRelease, type KnownAmi, lookAtRegion, orUnreachable, withGrants } from './look.ts'
import { toCome, withOwnKey } from './own-key.ts'
import { proveShare } from './prove.ts'

/** Where the images may be: what the definition says now, and wherever one was brought. */
const regionsOf = ({ definition }: ShareScope, known: readonly KnownAmi[]): readonly string[] =>
  unique([
    ...(definition?.targets.aws?.regions ?? []),
    ...known.flatMap(({ images }) => images.map(({ region }) => region)),
  ])

/**
 * Whose credentials these are, asked in the first region that answers: of an account that has releases, else of the newest one's.
 * @throws MintmarkError of the last region
 */
async function identityAt(
  { world, image }: ShareScope,
  callsAt: CallsAt,
  regions: readonly string[],
  accounts: readonly string[],
): Promise<CallerIdentity> {
  let last: MintmarkError | null = null
  for (const region of regions) {
    try {
      const calls = callsAt(world, region)
      const identity = await callerIdentity(calls)
      if (accounts.includes(identity.account)) return identity
      return await requireAccount(calls, accounts[0] ?? '', `the record of ${image}`)
    } catch (cause) {
      if (!(cause instanceof MintmarkError) || cause.code !== 'PROVIDER_UNREACHABLE') throw cause
      last = cause
    }
  }
  throw last ?? new MintmarkError('INTERNAL', `${image} is in no region`)
}

/** Grants on a key are asked for where its policy is not enough for an account that is to have the image. */
async function withNeededGrants(
  calls: AwsCalls,
  region: SeenSharedRegion,
  principals: readonly string[],
  facts: ShareFacts,
): Promise<SeenSharedRegion> {
  const accounts = principals.filter((one) => one.startsWith('account:'))
  const keys = await Promise.all(
    region.keys.map((key) => {
      const lacks = accounts.some((one) => facts.useOf(key, one, region.region).lack !== null)
      return key.policy !== null && lacks ? withGrants(calls, key) : key
    }),
  )
  return { ...region, keys }
}

const effectsOf = (
  actions: readonly ShareAction[],
  gives: (kind: ShareAction['kind']) => boolean | null,
): readonly Effect[] =>
  actions.flatMap((action) => {
    const way = gives(action.kind)
    const { principal, variant, version } = action
    return way === null || version === null || ('keepsImage' in action && action.keepsImage)
      ? []
      : [{ principal, variant, version, gives: way }]
  })

/** What `share apply` will do. */
const pendingEffects = (actions: readonly ShareAction[]): readonly Effect[] =>
  effectsOf(actions, (kind) =>
    kind === 'grant' ? true : kind === 'revoke' || kind === 'retire' ? false : null,
  )
/** What should be so, whether it is or can't be. */
const wantedEffects = (actions: readonly ShareAction[]): readonly Effect[] =>
  effectsOf(actions, (kind) => (kind === 'grant' || kind === 'blocked' || kind === 'same' ? true : null))

const isPublic = (sight: PlaceSight): boolean =>
  sight.principal === everybody &&
  sight.status === 'seen' &&
  sight.releases.some(({ status }) => status === 'present')

const nothing: ShareSurvey = {
  sights: [],
  problems: () => [],
  notes: [],
  besides: () => [],
  change: async () => undefined,
}

/** Of a release that these credentials can't look at: nothing is said of it, given or taken. */
const inAnother = ({ version, variant, ami }: AmiRelease, account: string): SeenRelease => ({
  version,
  variant,
  status: 'ambiguous',
  why: null,
  refused: {
    why: `it is in account ${ami.account}, and these credentials are of ${account}`,
    hint: `run the same command with credentials of ${ami.account}`,
  },
})

async function observe(
  scope: ShareScope,
  inputs: readonly ShareInput[],
  callsAt: CallsAt,
): Promise<ShareSurvey> {
  const { world, image, definition, update } = scope
  const known = scope.known.flatMap(({ release, images }) =>
    release.ami === undefined ? [] : [{ release: { ...release, ami: release.ami }, images }],
  )
  if (known.length === 0) return nothing
  const places = regionsOf(scope, known)
  update(`looking at ${places.length} regions`)
  const accounts = [...new Set(known.map(({ release }) => release.ami.account))]
  const { account, partition } = await identityAt(scope, callsAt, places, accounts)
  const target = definition?.targets.aws
  const coming = known.filter(({ release }) => release.version === scope.coming)
  const about = {
    image,
    partition,
    account,
    // Where the image is for nobody any more, its statements can only go.
    manages: target === undefined || target.encrypt.managePolicy === true,
  }
  const named = inputs.map(({ principal }) => principal)
  const regions = await Promise.all(
    places.map((region) =>
      orUnreachable(region, async () => {
        const calls = callsAt(world, region)
        const seen = await lookAtRegion(calls, { image, account, known })
        const then = await withOwnKey(calls, seen, { target, account, coming })
        return withNeededGrants(calls, then, named, shareFacts(about))
      }),
    ),
  )
  const [down] = regions
  if (down !== undefined && !regions.some(isSeen) && !isSeen(down))
    throw new MintmarkError('PROVIDER_UNREACHABLE', down.why, { hint: down.hint })
  const facts = shareFacts(about)
  const strays = straysOf(regions, facts, named)
  const found = regions.filter(isSeen).flatMap((region) => region.amis.flatMap(holdersOf))
  const principals = unique([...named, ...found, ...[...strays.values()].flat()])
  const sights = principals.map(
    (principal): PlaceSight => ({
      principal,
      status: 'seen',
      releases: known.map(({ release }) =>
        release.ami.account === account
          ? judgeRelease(regions, release, principal, facts, strays)
          : inAnother(release, account),
      ),
      heads: null,
      ...(regions.every(isSeen) ? {} : { unseen: true as const }),
    }),
  )
  const then = regions.filter(
    (region) => isSeen(region) && region.amis.some(({ imageId }) => imageId === toCome),
  )
  const elsewhere = known.filter(({ release }) => release.ami.account !== account)
  return {
    sights,
    problems: (actions) => regionProblems(regions, pendingEffects(actions), wantedEffects(actions), facts),
    notes: [
      ...(then.length === 0
        ? []
        : [
            `${listed(then.map(({ region }) => region))} will have ${image}@${scope.coming} when the channel is moved: who gets what counts that in`,
          ]),
      ...(sights.some(isPublic) ? [`an image of ${image} is public: that is always taken back`] : []),
      ...elsewhere.map(
        ({ release: { version, ami } }) =>
          `${image}@${version} is in account ${ami.account}: what somebody gave of it by hand is seen only with its credentials`,
      ),
    ],
    besides: (actions) => policyLines(regions, pendingEffects(actions), wantedEffects(actions), facts),
    change: (changes, progress) =>
      changeShares({ world, callsAt }, regions, changes, facts, { ...progress, update }),
  }
}

/** Sharing by EC2's launch permissions, snapshot permissions and the policies of keys; what is there is read from each image itself. */
export const awsSharing = (callsAt: CallsAt): Sharing => ({
  observe: (scope, inputs) => observe(scope, inputs, callsAt),
  prove: (input) => proveShare(input, callsAt),
})
