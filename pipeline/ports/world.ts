import type { Catalog, OpenCatalog } from './catalog.ts'
import type { CiJob } from './ci-job.ts'
import type { Clock } from './clock.ts'
import type { Exec } from './exec.ts'
import type { Fetch } from './fetch.ts'
import type { Files } from './files.ts'
import type { GitHub } from './github.ts'
import type { WithLock } from './lock.ts'
import type { Net } from './net.ts'
import type { Places } from './places.ts'
import type { Report } from './report.ts'
import type { Signing } from './signing.ts'
import type { Tools } from './tools.ts'
import type { Zip } from './zip.ts'

/** All that a stage may touch. Built once in main.ts; tests build their own. */
export interface World {
  readonly exec: Exec
  readonly files: Files
  readonly clock: Clock
  readonly withLock: WithLock
  /** Small texts of publishers; packages and images come by their own ways. */
  readonly fetch: Fetch
  /** Needed to launch machines; a world without it can do all else. */
  readonly net?: Net
  readonly report: Report
  readonly tools: Tools
  readonly catalog: Catalog
  /** Another one, to copy from. */
  readonly openCatalog: OpenCatalog
  readonly keys: Signing
  readonly zip: Zip
  /** The CI job that this is a step of; left out elsewhere. */
  readonly job?: CiJob | undefined
  /** The repository of that job, where a token was given for it; left out elsewhere. */
  readonly github?: GitHub | undefined
  readonly places: Places
  /** Our own environment variables, read-only. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
}
