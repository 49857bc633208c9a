import * as z from 'zod'
import { Day } from './ids.ts'

/** How far into its life a release of a distribution is. */
export const LifecycleState = z.enum(['regular', 'lts', 'extended', 'eol', 'denied'])
export type LifecycleState = z.infer<typeof LifecycleState>

/** What was known of a base's release when it was taken. */
export const Lifecycle = z.strictObject({
  state: LifecycleState,
  /** The last day of this state; null when it has none. */
  until: Day.nullable(),
  /** Where the dates were read. */
  source: z.string(),
})
export type Lifecycle = z.infer<typeof Lifecycle>

/** One release of a distribution, with the last day of each kind of support (null: there is none). */
export const LifecycleRow = z.strictObject({
  family: z.string(),
  release: z.string(),
  codename: z.string().nullable(),
  /** By the distribution itself, for all its packages. */
  regular: Day,
  /** Free of charge, by fewer people, or for fewer packages. */
  lts: Day.nullable(),
  /** Paid, or by somebody else. */
  extended: Day.nullable(),
  /** Why it must not be used, whatever the dates say. */
  denied: z.string().nullable(),
  source: z.string(),
})
export type LifecycleRow = z.infer<typeof LifecycleRow>
