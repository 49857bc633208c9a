import type { InstalledPackage } from '../core/parse-trivy.ts'
import type { PendingUpgrade } from '../core/pending-upgrades.ts'
import type { Publisher } from '../core/publishers.ts'
import type { PlaceSight } from '../core/share-plan.ts'
import type { SharedImage } from '../core/shared-image.ts'
import type { UdpPorts } from '../core/udp-probes.ts'
import type { MintmarkError } from '../errors.ts'
import type {
  ArchiveLock,
  BaseLock,
  ImageLock,
  ImageSignature,
  ResolvedBase,
  SeenSuite,
} from '../model/base.ts'
import type { Definition } from '../model/definition.ts'
import type { Arch, TargetId } from '../model/ids.ts'
import type { Envelope } from '../model/release.ts'
import type { Finished } from '../ports/exec.ts'
import type { StepReport } from '../ports/report.ts'
import type { World } from '../ports/world.ts'

export interface BaseInput {
  readonly world: World
  readonly image: string
  readonly definition: Definition
  readonly lock: BaseLock
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
export interface ImageInput extends Omit<BaseInput, 'lock'> {
  readonly earlier: ImageLock | null
  /** Folder of the publishers' public keys; the built-in one when left out. */
  readonly keys?: string | undefined
}

/** The newest image of a publisher, its evidence checked; the image itself was not fetched. */
export interface ImageSight {
  readonly publisher: Publisher
  readonly codename: string | null
  readonly name: string
  /** The publisher's own address. */
  readonly url: string
  /** As the publisher signed it: lower-case hex. */
  readonly digest: string
  readonly checksums: { readonly name: string; readonly sha256: string }
  readonly signature: ImageSignature
  readonly built: string
}

/** One suite as the archive serves it now: checked, or why it is refused. */
export type BaseSight =
  | { readonly suite: string; readonly seen: SeenSuite }
  | { readonly suite: string; readonly refused: MintmarkError }

/** Values that enter a build at run time; none of them is in the bundle. */
export type BuildVariables = Readonly<Record<string, string | number>>

export interface SourceInput {
  /** Folder below templates/. */
  readonly template: string
  /** As the build block names it, e.g. source.qemu.image */
  readonly name: string
  readonly values: Readonly<Record<string, unknown>>
}

export interface VariablesInput {
  readonly world: World
  readonly folder: string
  /** Null when the bundle is only validated. */
  readonly base: ResolvedBase | null
}

/** How to reach a machine that was made from a candidate. */
export interface Login {
  readonly user: string
  /** One line of OpenSSH. */
  readonly publicKey: string
  /** Path of the private key, mode 0600. */
  readonly privateKey: string
}

export interface UpgradesInput {
  readonly world: World
  readonly image: string
  readonly definition: Definition
  /** Null for a base without one: a parent image. */
  readonly lock: BaseLock | null
  readonly installed: readonly InstalledPackage[]
}

export interface LaunchInput {
  readonly world: World
  /** Absolute path of the image; it is never written to (a throw-away overlay takes the writes). */
  readonly disk: string
  readonly definition: Definition
  /** Becomes the instance-id and the host name: lower-case letters, digits, "-". */
  readonly instance: string
  readonly login: Login
  /** An existing folder of the caller's for overlay, seed and console log; removed by the caller. */
  readonly folder: string
  /** Virtual size of the instance's disk in GiB, at least the image's. */
  readonly diskGiB: number
  /** Adds a second network card on a private link, whose other end is `Instance.link`. */
  readonly link: boolean
  /** Memory in MiB; 1024 when left out. */
  readonly memoryMiB?: number
  /** More public keys (lines of OpenSSH) that may log in as the same user. */
  readonly alsoAuthorize?: readonly string[]
  /** More TCP ports of the guest that this machine can reach, as `Instance.forwarded` says; they pass its firewall. */
  readonly forward?: readonly number[]
  /**
   * Powers on the same instance again: with the disk and the firmware's variables that an earlier machine left in `folder`.
   * What this machine writes to them is kept, or thrown away with it.
   */
  readonly again?: 'keeps' | 'forgets'
  /** What the hardware clock shows at power-on; the true time when left out. */
  readonly clock?: Date
  /** Nothing leads out of the machine, so that no time server corrects its clock. Logins and forwarded ports still lead in. */
  readonly cutOff?: boolean
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

/** What our end of the link answers an instance that asks it. */
export interface LinkServices {
  /** Names that its DNS server knows, in lower case, and their IPv4 addresses; there is no other name. */
  readonly names: Readonly<Record<string, string>>
  /** How far its time server is ahead of the true time. */
  readonly aheadMs: number
}

/** Our end of the private link: we are a host at layer 2, not a client of a forwarder. */
export interface Link {
  /** IPv4 addresses on the link. */
  readonly addresses: { readonly ours: string; readonly instance: string }
  /** TCP ports of the instance that answer a SYN with SYN-ACK; `ports` that stay silent or answer RST are not in it. */
  openTcpPorts(
    ports: readonly number[],
    options?: { readonly timeoutMs?: number },
  ): Promise<readonly number[]>
  /** How UDP ports answer what their usual services would answer. @throws MintmarkError TOOL_FAILED at the deadline */
  openUdpPorts(ports: readonly number[], options?: { readonly timeoutMs?: number }): Promise<UdpPorts>
  /** Serves DNS and NTP by UDP at our address, until the function that it returns is called. */
  serve(services: LinkServices): () => void
  /** True once the instance answered our ARP request. */
  reachable(timeoutMs: number): Promise<boolean>
}

export interface Instance {
  /** For people and for ssh: 127.0.0.1 and a forwarded port. */
  readonly host: string
  readonly port: number
  readonly link: Link | null
  /** Guest port -> port of `host` that leads to it, for what `LaunchInput.forward` asked. */
  readonly forwarded?: ReadonlyMap<number, number>
  /** Seconds from power-on until a login as `login.user` worked; rejects with the console's last lines at the deadline. */
  waitForLogin(deadlineMs: number): Promise<number>
  /** Runs one command line of the guest's shell as the login user; never rejects for its exit code. */
  ssh(command: string, options?: { readonly timeoutMs?: number; readonly input?: string }): Promise<Finished>
  /** argv of an OpenSSH client for this instance, without a command. */
  sshArgv(): readonly string[]
  /** Last lines of the serial console. */
  console(lines: number): Promise<readonly string[]>
  /** Resolves when the machine's process has ended. */
  readonly ended: Promise<void>
  /** Ends the machine at once; safe to call twice. */
  stop(): Promise<void>
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

/** How principals get images and lose them. Each step may be repeated: what is done already is not done again. */
export interface Sharing {
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

/**
 * Where images are built and live. A target is a plain object that satisfies this; no stage asks which one it has.
 */
export interface Target {
  readonly id: TargetId
  /** What it builds and boots here. */
  readonly arch: Arch
  /** The user that cloud-init makes in each instance. */
  loginUser(definition: Definition): string
  /** How machines run here, and why so. */
  host(world: World): Promise<{ readonly accelerator: 'kvm' | 'tcg'; readonly why: string }>
  /** Pure: which Packer source the bundle gets, and the values that its template needs. */
  sourceInput(definition: Definition): SourceInput
  /** What enters the build at run time: disks, accelerator, mirrors. `folder` is the engine's private folder. */
  buildVariables(input: VariablesInput): Promise<BuildVariables>
  resolveBase(input: BaseInput): Promise<ResolvedBase>
  /** What the base's source offers now, each part judged by the lock; nothing is made of it. */
  observeBase(input: ObserveInput): Promise<readonly BaseSight[]>
  /** What the publisher of the definition's images offers now. @throws MintmarkError BASE_REFUSED */
  observeImage(input: ImageInput): Promise<ImageSight>
  /** Fetches that image, or reads the definition's own file, checks it, and says how a lock pins it. */
  lockImage(input: ImageInput): Promise<ImageLock>
  /** Digest of all that makes a base of what an archive's lock pins; null where nothing is made. */
  baseRecipe(world: World, lock: BaseLock): Promise<string | null>
  /** What an upgrade would change in an image with these packages, security updates first. @throws MintmarkError when it could not be looked at */
  pendingUpgrades(input: UpgradesInput): Promise<readonly PendingUpgrade[]>
  /** The mirrors of the build, as a guest sees them. @throws MintmarkError CONFIG_INVALID or USAGE for a setting that is none */
  guestMirrors(world: World): Promise<GuestMirrors>
  launch(input: LaunchInput): Promise<Instance>
  /** Works without root, mounts and loop devices. `into` is an existing empty folder of the caller's. */
  readDisk(world: World, disk: string, into: string): Promise<DiskTree>
  /** What killed runs of this user left outside their run folders. */
  leftovers(world: World): Promise<readonly Leftover[]>
  /** Who else gets images, by the principals of `channels.<channel>.share.<target>`. */
  readonly sharing: Sharing
}
