import type { InstalledPackage } from '../core/parse-trivy.ts'
import type { PendingUpgrade } from '../core/pending-upgrades.ts'
import type { Publisher } from '../core/publishers.ts'
import type { RegionalImage } from '../core/regional-copies.ts'
import type { Problem, ShareAction } from '../core/share-plan.ts'
import type { PlaceSight, Use } from '../core/share-sight.ts'
import type { SharedImage } from '../core/shared-image.ts'
import type { MintmarkError } from '../errors.ts'
import type { AmiLock } from '../model/ami.ts'
import type { Artifact, ArtifactPlace, RecordedArtifact } from '../model/artifact.ts'
import type {
  ArchiveLock,
  ImageLock,
  ImageSignature,
  ResolvedBase,
  SeenSuite,
  TargetLock,
} from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { PassedGate } from '../model/gate.ts'
import type { Arch, TargetId } from '../model/ids.ts'
import type { Envelope, Published } from '../model/release.ts'
import type { Accelerator } from '../model/stages.ts'
import type { StepReport } from '../ports/report.ts'
import type { World } from '../ports/world.ts'
import type {
  BuildInput,
  BuildVariables,
  BuiltInput,
  CollectInput,
  RawDiskInput,
  Remains,
  RemainsInput,
  SourceInput,
  SweepInput,
  VariablesInput,
} from './building.ts'
import type { Distributed, DistributeInput, LookForInput, PendingPlace } from './distributing.ts'
import type { Instance, LaunchInput, MachineCapabilities } from './instance.ts'
import type { PolicyInput, RolePolicy } from './policies.ts'

export interface BaseInput {
  readonly world: World
  readonly image: string
  readonly definition: Definition
  readonly lock: TargetLock
  /** Only for progress: update() with what happens right now. */
  readonly step: Pick<StepReport, 'update'>
  /** Whose images count; the built-in table when left out. */
  readonly publishers?: readonly Publisher[]
}

export interface ObserveInput {
  readonly world: World
  readonly image: string
  readonly lock: ArchiveLock
}

/** Like BaseInput, with the lock as it was before, if there was one: nothing older than that is taken. */
export interface OfferInput extends Omit<BaseInput, 'lock'> {
  readonly earlier: ImageLock | AmiLock | null
  /** Folder of the publishers' public keys; the built-in one when left out. */
  readonly keys?: string | undefined
}

/** The same for files of images. */
export interface ImageInput extends OfferInput {
  readonly earlier: ImageLock | null
}

/** What a publisher offers now, by its name and day. */
export interface Offer {
  readonly name: string
  readonly built: string
}

/** The newest image of a publisher, its evidence checked; the image itself was not fetched. */
export interface ImageSight extends Offer {
  readonly publisher: Publisher
  readonly codename: string | null
  /** The publisher's own address. */
  readonly url: string
  /** As the publisher signed it: lower-case hex. */
  readonly digest: string
  readonly checksums: { readonly name: string; readonly sha256: string }
  readonly signature: ImageSignature
}

/** One suite as the archive serves it now: checked, or why it is refused. */
export type BaseSight =
  | { readonly suite: string; readonly seen: SeenSuite }
  | { readonly suite: string; readonly refused: MintmarkError }

export interface UpgradesInput {
  readonly world: World
  readonly image: string
  readonly definition: Definition
  /** Null for a base without one: a parent image. */
  readonly lock: TargetLock | null
  readonly installed: readonly InstalledPackage[]
}

/** Where a machine's packages are to be read from, as it can reach them; never in a record, a log or an argument. */
export interface GuestMirrors {
  readonly archive: string
  readonly security: string
  /** Name of a repository of the definition -> address. */
  readonly repos: ReadonlyMap<string, string>
  /** Empty without one. */
  readonly proxy: string
}

export interface DiskInput {
  readonly world: World
  readonly artifact: ArtifactPlace
  /** An existing empty folder of the caller's. */
  readonly into: string
  /** A private folder, or where one may be made, for what the next look at the same disk need not fetch again; the caller removes it. */
  readonly keep?: string
  /** For progress. */
  readonly update?: (text: string) => void
}

export interface PublishInput {
  readonly world: World
  readonly gate: PassedGate
  readonly artifact: Artifact
}

/** Where a released artifact is. */
export interface Whereabouts {
  /** For people: a path, an address, or an id and its region. */
  readonly address: string
  /** Absolute path where it is a file of this machine; null elsewhere. */
  readonly path: string | null
}

/** An artifact's own file systems, copied out read-only into a private folder. */
export interface DiskTree {
  /** Folder that holds `/` with all its mounts merged (the ESP under boot/efi). */
  readonly root: string
  readonly fileSystems: readonly {
    readonly mount: string
    readonly type: string
    readonly partition: number
    /** What in the partition it is: a logical volume or a subvolume; left out for the partition itself. */
    readonly volume?: string
  }[]
  /**
   * argv before a program that has to see the image's own owners and modes on the tree; empty when they are on the files
   * themselves (as root).
   */
  readonly asOwned?: readonly string[]
}

/** Something that a killed process left and nobody owns any more. */
export interface Leftover {
  readonly what: string
  /** Absolute. */
  readonly path: string
  /** @throws MintmarkError TOOL_FAILED when it is another user's */
  readonly remove: (path: string) => Promise<void>
}

/** A principal of a channel, as the definition names it, and what the catalog knows of the image. */
export interface ShareInput {
  readonly world: World
  readonly principal: string
  readonly image: string
  /** Channels that the principal has, or had. */
  readonly channels: readonly string[]
  /** Every release of the image, with where the last event about it says that it was put for this principal. */
  readonly known: readonly { readonly release: SharedImage; readonly reference: string | null }[]
  /** True when whoever signed it on this day (2026-11-22) is believed here. */
  readonly isTrusted: (signed: {
    readonly envelope: Envelope
    readonly payload: Uint8Array
    readonly day: string
  }) => Promise<boolean>
}

export interface GrantInput extends ShareInput {
  readonly release: SharedImage
  readonly channel: string
  /** What the principal's channel named when it was looked at; null for nothing. */
  readonly from: string | null
  /** The image was not there when it was looked at; false: it was, and was read through. */
  readonly copies: boolean
  /** The signed record's text. */
  readonly record: string
  /** Absolute path of the image. */
  disk(): Promise<string>
  /** For progress. */
  readonly update: (text: string) => void
}

export interface RevokeInput extends ShareInput {
  readonly release: SharedImage
  readonly channel: string
  /** The image stays there, for another channel. */
  readonly keepsImage: boolean
  /** What the principal's channel names goes. */
  readonly dropsHead: boolean
}

/** How principals get images that each have a place of their own. Each step may be repeated: what is done already is not done again. */
export interface SharingPlace {
  /** Looks only. A principal that could not be looked at is unreachable or refused, never without the image. */
  observe(input: ShareInput): Promise<PlaceSight>
  /**
   * @returns where it is for them
   * @throws MintmarkError with no half image under the name of a whole one; what was begun is gone on with by the next call. CONFLICT
   * when the principal's channel names something else by now
   */
  grant(input: GrantInput): Promise<string>
  /** @returns where it was. @throws MintmarkError when it is not gone */
  revoke(input: RevokeInput): Promise<string>
}

/** What is shared, for all principals together. */
export interface ShareScope {
  readonly world: World
  readonly image: string
  /** Null when there is none any more. */
  readonly definition: Definition | null
  /** Every release of the image for this target, with its image in each region: none for a file. */
  readonly known: readonly { readonly release: SharedImage; readonly images: readonly RegionalImage[] }[]
  /** A version that is about to be brought to every place of the definition; null: none. It is looked at as if it were there. */
  readonly coming: string | null
  /** For progress. */
  readonly update: (text: string) => void
}

export interface ShareSurvey {
  /** Of those that were asked for, and of others that have an image. */
  readonly sights: readonly PlaceSight[]
  /** What could not be looked at for anybody, and what hinders some of these actions. */
  problems(actions: readonly ShareAction[]): readonly Problem[]
  /** For people: nothing that hinders. */
  readonly notes: readonly string[]
  /** What these actions change or need besides: policies of keys, line by line. */
  besides(actions: readonly ShareAction[]): readonly string[]
  /** Does them, as far as it goes: one that fails keeps the others from nothing. @throws MintmarkError INTERRUPTED, INTERNAL */
  change(changes: readonly ShareChange[], progress: ShareProgress): Promise<void>
}

export type ShareChange =
  | (GrantInput & { readonly kind: 'grant' })
  | (RevokeInput & { readonly kind: 'revoke' })

/** How a target tells what became of changes. What is told of none was not tried. */
export interface ShareProgress {
  /** Before anything is given. */
  begin(changes: readonly ShareChange[]): Promise<void>
  /** Once it is really so; `reference` is where the image is, or was, for them. */
  done(changes: readonly { readonly change: ShareChange; readonly reference: string }[]): Promise<void>
  failed(change: ShareChange, error: MintmarkError): void
}

export interface ProveInput {
  readonly world: World
  readonly definition: Definition
  readonly release: SharedImage
  /** Its image in each region, by its record and its events. */
  readonly images: readonly RegionalImage[]
  /** Of whom gets the image. */
  readonly role: string
  /** Null for every region of the definition and of the release. */
  readonly region: string | null
  /** Where an instance would stand; null: where the account puts it by itself. */
  readonly subnet: string | null
  readonly update: (text: string) => void
}

/** What somebody who gets an image really can do with it, in one region. A `null` could not be looked at. */
export interface Proof {
  readonly region: string
  readonly imageId: string | null
  readonly visible: Use | null
  readonly launchable: Use | null
  readonly key: Use | null
  readonly copyable: Use | null
  /** Why something could not be looked at. */
  readonly problem: Problem | null
}

/** Who gets images and who loses them. */
export interface Sharing {
  /** Looks only. A principal that could not be looked at is unreachable or refused, never without the image. */
  observe(scope: ShareScope, inputs: readonly ShareInput[]): Promise<ShareSurvey>
  /** Looks from the other side, and leaves nothing there; null where there is no other side to look from. */
  readonly prove: ((input: ProveInput) => Promise<readonly Proof[]>) | null
}

/**
 * Where images are built and live. A target is a plain object that satisfies this; no stage asks which one it has.
 */
export interface Target {
  readonly id: TargetId
  /** What it builds and boots here. */
  readonly arch: Arch
  /** False: what a definition wants from the archive is the publisher's own image here. */
  readonly bootstraps: boolean
  readonly capabilities: MachineCapabilities
  /** The user that cloud-init makes in each instance. */
  loginUser(definition: Definition): string
  /** How machines run here, and why so. */
  host(world: World): Promise<{ readonly accelerator: Accelerator; readonly why: string }>
  /** Pure: which Packer source the bundle gets, and the values that its template needs. */
  sourceInput(definition: Definition): SourceInput
  /**
   * What enters the build at run time: disks, accelerator, mirrors. `folder` is the engine's private folder. What a cloud needs for the build
   * is made here, and goes by `sweep`.
   */
  buildVariables(input: VariablesInput): Promise<BuildVariables>
  /** For the engine's process alone: credentials. None of it is ever written, logged or an argument. */
  buildEnvironment(input: BuildInput): Promise<Readonly<Record<string, string>>>
  /** Last lines of the build machine's console, where that is no file of this machine; empty when there are none to be had. */
  buildConsole(input: BuildInput): Promise<readonly string[]>
  /** What the provider refused, by the lines of a build that failed; null where that is not why. Left out where there is no provider. */
  buildRefusal?(input: BuildInput, lines: readonly string[]): MintmarkError | null
  /** Removes what a run's build made, but for the image that is to stay. May be repeated, also after a kill. */
  sweep(input: SweepInput): Promise<void>
  resolveBase(input: BaseInput): Promise<ResolvedBase>
  /** What the base's source offers now, each part judged by the lock; nothing is made of it. */
  observeBase(input: ObserveInput): Promise<readonly BaseSight[]>
  /** What the publisher of the definition's images offers now. @throws MintmarkError BASE_REFUSED */
  observeImage(input: OfferInput): Promise<Offer>
  /** Fetches that image, or reads the definition's own file, checks it, and says how a lock pins it. */
  lockImage(input: OfferInput): Promise<ImageLock | AmiLock>
  /** Digest of all that makes a base of what an archive's lock pins; null where nothing is made. */
  baseRecipe(world: World, lock: TargetLock): Promise<string | null>
  /** What an upgrade would change in an image with these packages, security updates first. @throws MintmarkError when it could not be looked at */
  pendingUpgrades(input: UpgradesInput): Promise<readonly PendingUpgrade[]>
  /** The mirrors of the build, as a guest sees them. @throws MintmarkError CONFIG_INVALID or USAGE for a setting that is none */
  guestMirrors(world: World): Promise<GuestMirrors>
  /** Writes every byte of the disk that the engine made to a file, to be searched. */
  rawDisk(input: RawDiskInput): Promise<void>
  /** Removes what the engine made: it may not become an artifact. */
  discard(input: BuiltInput): Promise<void>
  /** Takes over what the engine made, so that nothing writes to it any more, and tells its digest and sizes. */
  collect(input: CollectInput): Promise<Artifact>
  /** Looks at the artifact again. Null: it is what was built; else what it is now, for people. */
  unchanged(input: { readonly world: World; readonly artifact: Artifact }): Promise<string | null>
  launch(input: LaunchInput): Promise<Instance>
  /** The artifact's file systems, read-only. Works without root, mounts and loop devices. */
  readDisk(input: DiskInput): Promise<DiskTree>
  /** Keeps exactly what the gate let pass, private. @throws MintmarkError CHAIN_BROKEN when it is another one by now */
  publish(input: PublishInput): Promise<Published>
  /**
   * Brings a recorded release to every place of its definition and lets the channels' pointers there name it. Left out where the catalog
   * is all the places that there are.
   * @throws MintmarkError INTERRUPTED
   */
  distribute?(input: DistributeInput): Promise<Distributed>
  /** Where `distribute` would have something to do. Looks only. @throws MintmarkError INTERRUPTED */
  undistributed?(input: LookForInput): Promise<readonly PendingPlace[]>
  /** Looks at nothing: that is for `unchanged` and the catalog. */
  whereIs(world: World, artifact: RecordedArtifact): Whereabouts
  /** What older runs of an image left outside of this machine, and no run takes up again. Looks only. */
  remains(input: RemainsInput): Promise<Remains>
  /** What killed runs of this user left outside their run folders. */
  leftovers(world: World): Promise<readonly Leftover[]>
  /** Who else gets images, by the principals of `channels.<channel>.share.<target>`. */
  readonly sharing: Sharing
  /** What it has to be allowed, for the people who grant it; left out where there are no accounts. */
  readonly policies?: (input: PolicyInput) => readonly RolePolicy[]
}
