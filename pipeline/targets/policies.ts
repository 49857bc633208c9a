import type { Definition } from '../model/definition.ts'

/** Which jobs of GitHub Actions are to take a role. */
export interface PolicyJobs {
  /** OWNER/NAME or OWNER@ID/NAME@ID */
  readonly repository: string
  readonly environments: readonly string[]
  readonly branches: readonly string[]
}

export interface PolicyInput {
  /** The image whose account, regions and key the policies are for; null: for whatever image. */
  readonly image: { readonly name: string; readonly definition: Definition } | null
  /** Instead of the definition's; null: not given. */
  readonly account: string | null
  /** Instead of the definition's. */
  readonly regions: readonly string[]
  readonly jobs: PolicyJobs | null
}

/** What a role needs to be allowed, or who may take it. */
export interface RolePolicy {
  readonly role: string
  /** In a few words. */
  readonly purpose: string
  /** As the cloud takes it: JSON. */
  readonly document: unknown
}
