import { AmiId, type AmiLock, BootMode, type RegionalAmi, SnapshotId } from '../model/ami.ts'
import { type Arch, Instant } from '../model/ids.ts'
import type { LifecycleRow, LifecycleState } from '../model/lifecycle.ts'
import { amiOrder, builtIn, compareOrders } from './ami-order.ts'
import { type AmiOwner, ec2Arch } from './ami-owners.ts'
import { dayMs, daysSince } from './days.ts'
import { lifecycleAt } from './lifecycle.ts'

type Maybe<T> = T | undefined

/** What is judged of an image in the answer of DescribeImages, named as there. */
export interface DescribedImage {
  readonly ImageId?: Maybe<string>
  readonly Name?: Maybe<string>
  readonly OwnerId?: Maybe<string>
  readonly ImageOwnerAlias?: Maybe<string>
  readonly CreationDate?: Maybe<string>
  readonly DeprecationTime?: Maybe<string>
  readonly State?: Maybe<string>
  readonly ImageType?: Maybe<string>
  readonly Public?: Maybe<boolean>
  readonly ImageAllowed?: Maybe<boolean>
  readonly Architecture?: Maybe<string>
  readonly VirtualizationType?: Maybe<string>
  readonly BootMode?: Maybe<string>
  readonly EnaSupport?: Maybe<boolean>
  readonly Platform?: Maybe<string>
  readonly PlatformDetails?: Maybe<string>
  readonly UsageOperation?: Maybe<string>
  readonly ProductCodes?: Maybe<readonly { readonly ProductCodeId?: Maybe<string> }[]>
  readonly RootDeviceName?: Maybe<string>
  readonly RootDeviceType?: Maybe<string>
  readonly BlockDeviceMappings?: Maybe<
    readonly {
      readonly DeviceName?: Maybe<string>
      readonly Ebs?: Maybe<{
        readonly SnapshotId?: Maybe<string>
        readonly Encrypted?: Maybe<boolean>
        readonly VolumeSize?: Maybe<number>
      }>
    }[]
  >
}

/** What an image has to be, and what is known already. */
export interface AskedAmi {
  readonly owner: AmiOwner
  readonly release: string
  readonly arch: Arch
  readonly region: string
  /** Nothing older than that is taken; null: there is no lock, or one of another base. */
  readonly earlier: AmiLock | null
  /** Days, as definitions write it: 90d. */
  readonly maxAge: string
  /** Of the release; null: the lifecycle data does not have it. */
  readonly lifecycle: LifecycleRow | null
  readonly now: Date
}

/** What a lock says of an accepted image, without the look for it. */
export type AmiEvidence = Omit<AmiLock, 'schema' | 'from' | 'selector' | 'regions' | 'updated'> &
  Omit<RegionalAmi, 'ancestry'>

export type AmiJudgement =
  | { readonly accepted: AmiEvidence; readonly refused: readonly [] }
  | { readonly accepted: null; readonly refused: readonly string[] }

/** A time as EC2 writes it, as an instant; null for text that is none. */
export function instantOf(text: string | undefined): string | null {
  const parsed = Instant.safeParse(text)
  return parsed.success ? new Date(parsed.data).toISOString() : null
}

/** A value for a message. */
const shown = (value: string | boolean | undefined): string => (value === undefined ? 'not told' : `${value}`)

const namesOf = ({ owner, release, arch }: AskedAmi): RegExp =>
  owner.builds({ release, codename: owner.releases[release] ?? null, arch }).name

/** Name, owner, access: whose it is, and whether everybody gets the same. */
function ownerProblems(image: DescribedImage, asked: AskedAmi): readonly string[] {
  const { owner, release } = asked
  const pattern = namesOf(asked)
  const codes = (image.ProductCodes ?? []).map((code) => code.ProductCodeId ?? '?')
  const problems: (string | false)[] = [
    image.OwnerId !== owner.account &&
      `owner is ${shown(image.OwnerId)}, expected ${owner.account} (${owner.title})`,
    !owner.aliases.includes(image.ImageOwnerAlias ?? null) &&
      `the owner's alias is ${shown(image.ImageOwnerAlias)}, expected ${owner.aliases.map((alias) => alias ?? 'none').join(' or ')}`,
    !(owner.releases[release] !== undefined && pattern.test(image.Name ?? '')) &&
      `name is "${shown(image.Name)}", expected one like ${pattern.source}`,
    image.Public !== true && `public is ${shown(image.Public)}: official images are public`,
    codes.length > 0 &&
      `it has the product code ${codes.join(', ')}: an image of AWS Marketplace, with its own price and terms`,
    image.ImageAllowed === false && 'the allowed AMIs of this account leave it out',
  ]
  return problems.filter((problem) => problem !== false)
}

/** The root device among an image's. */
export const rootOf = (image: DescribedImage) =>
  image.RootDeviceName === undefined
    ? undefined
    : image.BlockDeviceMappings?.find((mapping) => mapping.DeviceName === image.RootDeviceName)?.Ebs

/** What a machine would find in it. */
function hardwareProblems(image: DescribedImage, { owner, arch }: AskedAmi): readonly string[] {
  const { platformDetails, usageOperation } = owner.billing
  const { BootMode: boot } = image
  const root = rootOf(image)
  const bootFits =
    boot === undefined || (BootMode.safeParse(boot).success && (arch === 'x86_64' || boot === 'uefi'))
  const problems: (string | false)[] = [
    image.State !== 'available' && `state is ${shown(image.State)}, expected available`,
    image.ImageType !== 'machine' && `type is ${shown(image.ImageType)}, expected machine`,
    image.Architecture !== ec2Arch(arch) &&
      `architecture is ${shown(image.Architecture)}, expected ${ec2Arch(arch)}`,
    image.VirtualizationType !== 'hvm' &&
      `virtualization is ${shown(image.VirtualizationType)}, expected hvm`,
    image.RootDeviceType !== 'ebs' && `root device is ${shown(image.RootDeviceType)}, expected ebs`,
    !SnapshotId.safeParse(root?.SnapshotId).success &&
      `the root device ${shown(image.RootDeviceName)} names no snapshot`,
    root?.Encrypted === true && 'the root snapshot is encrypted with a key of somebody else',
    image.EnaSupport !== true && `ENA support is ${shown(image.EnaSupport)}, expected true`,
    !bootFits && `boot mode is ${shown(boot)}, which no image of ${arch} has`,
    image.Platform !== undefined && `platform is ${image.Platform}, expected a Linux`,
    (image.PlatformDetails !== platformDetails || image.UsageOperation !== usageOperation) &&
      `it is billed as ${shown(image.PlatformDetails)} (${shown(image.UsageOperation)}), expected ${platformDetails} (${usageOperation})`,
  ]
  return problems.filter((problem) => problem !== false)
}

/** Why a release is no base any more; false while it is one. */
const lives: Readonly<
  Record<LifecycleState, (family: string, release: string, row: LifecycleRow | null) => string | false>
> = {
  regular: () => false,
  lts: () => false,
  extended: (family, release, row) =>
    `${family} ${release} gets updates only by extended support (until ${row?.extended})`,
  eol: (family, release, row) => `${family} ${release} is past its end of life (${row?.lts ?? row?.regular})`,
  denied: (family, release, row) => `${family} ${release} is denied: ${row?.denied}`,
}

function isOlder(image: DescribedImage, asked: AskedAmi, built: string | null): boolean {
  const { earlier, region } = asked
  if (earlier === null || built === null) return false
  const pattern = namesOf(asked)
  const order = amiOrder(image.Name ?? '', pattern)
  const before = amiOrder(earlier.name, pattern)
  if (order !== null && before !== null && compareOrders(order, before) !== 0)
    return compareOrders(order, before) < 0
  if (Date.parse(built) < Date.parse(earlier.built)) return true
  // The same build again, e.g. copied once more: of those the one that was made first is the older one.
  const there = earlier.regions[region]
  const created = instantOf(image.CreationDate)
  return there !== undefined && created !== null && Date.parse(created) < Date.parse(there.created)
}

/** When it was made, how long it is good for, and what is newer. */
function dateProblems(image: DescribedImage, asked: AskedAmi, built: string | null): readonly string[] {
  const { owner, release, earlier, maxAge, lifecycle, now } = asked
  const names = namesOf(asked)
  const created = instantOf(image.CreationDate)
  const deprecation = instantOf(image.DeprecationTime)
  const life = lifecycle === null ? null : lifecycleAt(lifecycle, now)
  const age = built === null ? 0 : daysSince(built, now)
  const problems: (string | false)[] = [
    created === null && `creation date is ${shown(image.CreationDate)}`,
    built === null && names.test(image.Name ?? '') && `"${image.Name}" has no day of the calendar in it`,
    created !== null &&
      Date.parse(created) > now.getTime() + dayMs &&
      `creation date is ${created}, more than a day after this machine's clock (${now.toISOString()})`,
    created !== null &&
      built !== null &&
      Date.parse(created) < Date.parse(built) - dayMs &&
      `it was made on ${created}, before the day in its name: an older build under a newer name`,
    age > Number(maxAge.slice(0, -1)) && `it is of ${built}, ${age} days old, older than ${maxAge}`,
    earlier !== null &&
      isOlder(image, asked, built) &&
      `it is older than what the lock pins, ${earlier.name} of ${earlier.built}`,
    image.DeprecationTime !== undefined &&
      (deprecation === null || Date.parse(deprecation) <= now.getTime()) &&
      `its owner deprecated it on ${shown(image.DeprecationTime)}`,
    life === null && `${owner.family} ${release} is not in the lifecycle data`,
    life !== null && lives[life.state](owner.family, release, lifecycle),
  ]
  return problems.filter((problem) => problem !== false)
}

/** Judges one image: all that lock it, or every reason against it. Where it came from is judged by `ancestryProblems`. */
export function judgeAmi(image: DescribedImage, asked: AskedAmi): AmiJudgement {
  const { owner, release, arch } = asked
  const pattern = namesOf(asked)
  const { Name: name, OwnerId: account, PlatformDetails, UsageOperation } = image
  const built = builtIn(name ?? '', pattern)
  const created = instantOf(image.CreationDate)
  const refused = [
    ...(AmiId.safeParse(image.ImageId).success ? [] : [`its id is ${shown(image.ImageId)}`]),
    ...ownerProblems(image, asked),
    ...hardwareProblems(image, asked),
    ...dateProblems(image, asked, built),
  ]
  const snapshot = rootOf(image)?.SnapshotId
  const known = {
    name,
    imageId: image.ImageId,
    account,
    built,
    created,
    snapshot,
    PlatformDetails,
    UsageOperation,
  }
  if (refused.length > 0 || !isWhole(known)) return { accepted: null, refused }
  return {
    accepted: {
      publisher: owner.id,
      owner: known.account,
      alias: image.ImageOwnerAlias ?? null,
      distribution: owner.family,
      release,
      arch,
      name: known.name,
      built: known.built,
      bootMode: image.BootMode === undefined ? null : BootMode.parse(image.BootMode),
      virtualization: 'hvm',
      rootDevice: 'ebs',
      ena: true,
      platformDetails: known.PlatformDetails,
      usageOperation: known.UsageOperation,
      imageId: known.imageId,
      created: known.created,
      snapshot: known.snapshot,
      deprecation: instantOf(image.DeprecationTime),
    },
    refused: [],
  }
}

function isWhole<T extends Readonly<Record<string, string | null | undefined>>>(
  values: T,
): values is { readonly [K in keyof T]: string } & T {
  return Object.values(values).every((value) => typeof value === 'string')
}
