import { compare } from './lists.ts'

/** With whom an image can be shared at AWS. `everybody` is never given, only found and taken away. */
export type AwsGrantee =
  | { readonly kind: 'account'; readonly account: string }
  | { readonly kind: 'organization'; readonly management: string; readonly organization: string }
  | {
      readonly kind: 'unit'
      readonly management: string
      readonly organization: string
      readonly unit: string
    }
  | { readonly kind: 'everybody' }

/** As EC2 names them, one member each. */
export interface AwsPermission {
  readonly UserId?: string | undefined
  readonly Group?: 'all' | undefined
  readonly OrganizationArn?: string | undefined
  readonly OrganizationalUnitArn?: string | undefined
}

/** Stands in plans and histories for the group of all accounts; no definition can name it. */
export const everybody = 'everybody'

/** The principal as plans and histories name it. */
export function principalText(grantee: AwsGrantee): string {
  switch (grantee.kind) {
    case 'account':
      return `account:${grantee.account}`
    case 'organization':
      return `org:${grantee.management}/${grantee.organization}`
    case 'unit':
      return `ou:${grantee.management}/${grantee.organization}/${grantee.unit}`
    case 'everybody':
      return everybody
  }
}

const forms = /^(?:account:(\d{12})|org:(\d{12})\/(o-[a-z0-9]+)|ou:(\d{12})\/(o-[a-z0-9]+)\/(ou-[a-z0-9-]+))$/

/** The other way; null for what is no principal of AWS. */
export function granteeOf(principal: string): AwsGrantee | null {
  if (principal === everybody) return { kind: 'everybody' }
  const [, account, ofOrganization, organization, ofUnit, above = '', unit = ''] = forms.exec(principal) ?? []
  if (account !== undefined) return { kind: 'account', account }
  if (ofOrganization !== undefined && organization !== undefined)
    return { kind: 'organization', management: ofOrganization, organization }
  return ofUnit === undefined ? null : { kind: 'unit', management: ofUnit, organization: above, unit }
}

/** @param partition aws, aws-cn or aws-us-gov */
export function permissionOf(grantee: AwsGrantee, partition: string): AwsPermission {
  switch (grantee.kind) {
    case 'account':
      return { UserId: grantee.account }
    case 'organization':
      return {
        OrganizationArn: `arn:${partition}:organizations::${grantee.management}:organization/${grantee.organization}`,
      }
    case 'unit':
      return {
        OrganizationalUnitArn: `arn:${partition}:organizations::${grantee.management}:ou/${grantee.organization}/${grantee.unit}`,
      }
    case 'everybody':
      return { Group: 'all' }
  }
}

/** Whom a permission of EC2 is for, as plans name it; an unknown form by its own words, so that it is seen. */
export function principalOf(permission: AwsPermission): string {
  const { UserId, Group, OrganizationArn, OrganizationalUnitArn } = permission
  if (UserId !== undefined) return principalText({ kind: 'account', account: UserId })
  if (Group !== undefined) return everybody
  const arn = OrganizationArn ?? OrganizationalUnitArn ?? 'somebody'
  const [, management = '', kind, organization = '', unit = ''] =
    /^arn:[\w-]+:organizations::(\d{12}):(organization|ou)\/([^/]+)(?:\/([^/]+))?$/.exec(arn) ?? []
  const text =
    kind === 'ou'
      ? principalText({ kind: 'unit', management, organization, unit })
      : principalText({ kind: 'organization', management, organization })
  return granteeOf(text) === null ? arn : text
}

/** Sorted: accounts, organizations, units. */
export const byPrincipal = (a: AwsGrantee, b: AwsGrantee): number =>
  compare(principalText(a), principalText(b))
