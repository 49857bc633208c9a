/** One call as the stand-in saw it. */
export interface Call {
  /** From 1, over all accounts and services. */
  readonly number: number
  /** As the signature names it: ec2, ssm, sts, kms, ebs, s3, ... */
  readonly service: string
  /** The operation; for S3 the method and the path. */
  readonly action: string
  readonly region: string
  readonly account: string | null
  readonly principal: string | null
  readonly parameters: Readonly<Record<string, unknown>>
  /** ok, the error's code, an HTTP status, or that the connection was cut. */
  readonly result: string
  readonly ms: number
}

/** An image that is there before a test begins, public unless it says otherwise. */
export interface SeededImage {
  readonly name: string
  readonly owner: string
  /** Default: us-east-1 alone. */
  readonly regions?: readonly string[]
  readonly id?: string
  readonly snapshotId?: string
  readonly alias?: 'amazon' | 'aws-marketplace' | 'aws-backup-vault'
  /** An ISO time; default 2026-11-01. */
  readonly created?: string
  readonly deprecated?: string
  readonly architecture?: 'x86_64' | 'arm64' | 'i386'
  /** null for an image that says nothing of it. Default: uefi-preferred. */
  readonly bootMode?: 'legacy-bios' | 'uefi' | 'uefi-preferred' | null
  readonly public?: boolean
  /** Whether the snapshot is public too, so that the image can be copied. */
  readonly copyable?: boolean
  readonly productCodes?: readonly { readonly id: string; readonly type?: 'marketplace' | 'devpay' }[]
  readonly virtualization?: 'hvm' | 'paravirtual'
  readonly rootDeviceType?: 'ebs' | 'instance-store'
  readonly rootDeviceName?: string
  readonly ena?: boolean
  readonly imdsSupport?: 'v2.0'
  readonly tpmSupport?: 'v2.0'
  readonly platform?: 'windows'
  readonly platformDetails?: string
  readonly usageOperation?: string
  readonly description?: string
  readonly publicParameter?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly kmsKey?: string
  /** What it was made of, for its ancestry. */
  readonly source?: { readonly id: string; readonly region: string }
  /** A disk file that instances of it boot; without one they are instances in name alone. */
  readonly disk?: string
  readonly gib?: number
}

export interface SeededParameter {
  /** Below /aws/service/. */
  readonly name: string
  readonly value: string
  readonly regions?: readonly string[]
  readonly dataType?: 'text' | 'aws:ec2:image'
  readonly version?: number
  readonly modified?: string
}

export interface Seed {
  readonly accounts?: readonly string[]
  /** Who is in which organization and units, by their ARNs. */
  readonly members?: Readonly<
    Record<string, { readonly organization?: string; readonly units?: readonly string[] }>
  >
  /** Regions that are there beside the usual ones, and on. */
  readonly regions?: readonly string[]
  readonly images?: readonly SeededImage[]
  /** Many images of one kind, an hour apart, with a number after the name. */
  readonly crowds?: readonly {
    readonly count: number
    readonly image: SeededImage
    readonly regions?: readonly string[]
    readonly created?: string
  }[]
  readonly parameters?: readonly SeededParameter[]
}

export interface Settings {
  /** How long new images, snapshots and instances without a machine are pending. */
  readonly pendingSeconds?: number
  /** How long a new image or snapshot is not found yet. */
  readonly consistencySeconds?: number
  readonly latencyMs?: number
  /** Snapshot copies in progress to a region: 20. */
  readonly copiesAtOnce?: number
  /** Another one ends the tokens of blocks that were told before. */
  readonly pageSecret?: string
}

/** What goes wrong, for the calls of `action` from the `at`th on (1), `times` times (1); for one call by its number; or by chance. */
export interface Fault {
  /** service:Operation; any call where it is left out. */
  readonly action?: string
  readonly region?: string
  readonly at?: number
  readonly times?: number
  readonly number?: number
  /** From 0 to 1: of all calls so many, the same in every run. */
  readonly chance?: number
  /**
   * `hold-before` and `hold-after` never answer, before and after the work: whoever asked is to be killed meanwhile. `cut-before` ends the connection without the work, `cut-after` with it, `cut-half` in the answer, whose first byte `garble` changes;
   * `delay` takes `ms`; `refuse` has a `code`.
   */
  readonly kind:
    | 'throttle'
    | 'error'
    | 'refuse'
    | 'cut-before'
    | 'cut-after'
    | 'cut-half'
    | 'hold-before'
    | 'hold-after'
    | 'garble'
    | 'delay'
  readonly code?: string
  readonly message?: string
  readonly status?: number
  readonly ms?: number
}

/** A permission that a caller lacks. */
export interface Denial {
  /** service:Operation, or service:* */
  readonly action: string
  readonly account?: string
  readonly region?: string
  /** A text that the parameters must have in them. */
  readonly parameter?: string
  /** The ARN that the message names. */
  readonly resource?: string
}

/** Lists take the place of the ones before. */
export interface Change {
  readonly settings?: Settings
  /** Regions that do not answer. */
  readonly down?: readonly string[]
  /** Of those that an account has to opt in to. */
  readonly optedIn?: readonly string[]
  readonly denials?: readonly Denial[]
  readonly faults?: readonly Fault[]
  /** Time passes: pending things are done, credentials expire, cool-downs end. */
  readonly advanceSeconds?: number
}
