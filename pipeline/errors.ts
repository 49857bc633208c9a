/** Who has to act on an error. */
export type Blame = 'tool' | 'user' | 'environment' | 'image' | 'provider'

export type ErrorCode =
  | 'INTERNAL'
  | 'USAGE'
  | 'CONFIG_INVALID'
  | 'NOT_FOUND'
  | 'TOOL_MISSING'
  | 'TOOL_FAILED'
  | 'TOOL_REFUSED'
  | 'NO_SPACE'
  | 'LOCK_MISSING'
  | 'BUSY'
  | 'BASE_REFUSED'
  | 'GATE_REJECTED'
  | 'PROMOTION_REFUSED'
  | 'BUILD_FAILED'
  | 'PROVIDER_UNREACHABLE'
  | 'PROVIDER_REFUSED'
  | 'CHAIN_BROKEN'
  | 'CONFLICT'
  | 'VERIFY_FAILED'
  | 'INTERRUPTED'
  | 'TERMINATED'

interface ErrorRow {
  readonly blame: Blame
  /** Exit code of the process (the contract is the table in README.md). */
  readonly exit: number
  /** What to do when the place that threw had nothing better to say. */
  readonly hint: string
}

/** The one table: code -> who must act, exit code, hint. A code without a row does not compile. */
export const errorTable = {
  INTERNAL: {
    blame: 'tool',
    exit: 1,
    hint: 'this is a bug in mintmark: please report it with the lines above',
  },
  USAGE: { blame: 'user', exit: 2, hint: 'see ./mintmark help' },
  CONFIG_INVALID: { blame: 'user', exit: 3, hint: 'correct the file at the place named above' },
  NOT_FOUND: { blame: 'user', exit: 2, hint: 'see ./mintmark releases for what there is' },
  TOOL_MISSING: { blame: 'environment', exit: 4, hint: './mintmark setup --yes' },
  TOOL_FAILED: { blame: 'environment', exit: 4, hint: './mintmark doctor shows the state of every tool' },
  TOOL_REFUSED: { blame: 'environment', exit: 4, hint: './mintmark doctor says why a tool is refused' },
  NO_SPACE: {
    blame: 'environment',
    exit: 4,
    hint: 'free some disk space; ./mintmark clean shows what mintmark holds',
  },
  LOCK_MISSING: { blame: 'environment', exit: 4, hint: './mintmark base update IMAGE writes the lock' },
  BUSY: { blame: 'environment', exit: 4, hint: 'wait for the other run to end, or stop it' },
  BASE_REFUSED: { blame: 'image', exit: 5, hint: './mintmark base show IMAGE shows what the base is' },
  GATE_REJECTED: { blame: 'image', exit: 5, hint: 'mend the reasons above and run the release again' },
  PROMOTION_REFUSED: {
    blame: 'image',
    exit: 5,
    hint: './mintmark promote IMAGE CHANNEL --dry-run shows what it still needs',
  },
  BUILD_FAILED: { blame: 'image', exit: 7, hint: 'the full log is in the run folder' },
  PROVIDER_UNREACHABLE: {
    blame: 'provider',
    exit: 8,
    hint: 'check the network and the mirror, then run the same command again',
  },
  PROVIDER_REFUSED: {
    blame: 'provider',
    exit: 8,
    hint: 'check the credentials and what they are allowed to do',
  },
  CHAIN_BROKEN: { blame: 'environment', exit: 9, hint: 'start over with --fresh' },
  CONFLICT: {
    blame: 'environment',
    exit: 9,
    hint: 'somebody else changed the catalog: run the same command again',
  },
  VERIFY_FAILED: {
    blame: 'environment',
    exit: 9,
    hint: 'do not use this image: what is stored is not what was signed',
  },
  INTERRUPTED: { blame: 'user', exit: 130, hint: 'run the same command again: it goes on where it stopped' },
  TERMINATED: { blame: 'user', exit: 143, hint: 'run the same command again: it goes on where it stopped' },
} as const satisfies Record<ErrorCode, ErrorRow>

export interface ErrorOptions {
  /** A command or a file to edit; the table's hint when left out. */
  readonly hint?: string
  /** Where it happened: image, control, path, ... */
  readonly where?: Readonly<Record<string, string>>
  /** Lines printed below the message: all problems of a file, the telling lines of a log. */
  readonly details?: readonly string[]
  readonly cause?: unknown
}

/** Exit code of a verb that shows what it would do, and was asked to say so (`--detailed-exitcode`, or a plan not applied). */
export const changesPending = 6

/** Exit code where some places or principals are as they should be and some are not. */
export const partlyDone = 10

/**
 * The one error class. Message: lower case, no full stop, with the value that was wrong.
 * `errorTable[code].exit` is the exit code of the process.
 */
export class MintmarkError extends Error {
  readonly code: ErrorCode
  readonly hint: string
  readonly where: Readonly<Record<string, string>>
  /** Printed below the message. Not called `details`: uvu takes an error's `details` for a text of its own and drops the test. */
  readonly lines: readonly string[]

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MintmarkError'
    this.code = code
    this.hint = options.hint ?? errorTable[code].hint
    this.where = options.where ?? {}
    this.lines = options.details ?? []
  }
}
