import type { AwsCallRow, AwsRole } from '../../pipeline/core/aws-policy.ts'
import { awsCallsTable } from '../../pipeline/targets/aws/calls-table.ts'
import type { Call } from './stand-in-types.ts'

const table: Readonly<Record<string, AwsCallRow>> = awsCallsTable

/** Of the catalog in a bucket: its policy is the bucket's own. */
const others: readonly string[] = ['s3']

const actionOf = ({ service, action }: Call): string => `${service}:${action}`

/** By itself a tag is allowed on images and snapshots alone; all else is tagged by the call that makes it. */
const tagsOther = (call: Call): boolean =>
  actionOf(call) === 'ec2:CreateTags' &&
  [call.parameters['Resources']].flat().some((id) => !/^(?:ami|snap)-/.test(String(id)))

/**
 * What was called, by our SDK or by Packer, and is in the policy of none of these roles; each once, sorted. Calls that the stand-in refused
 * count too: they were tried.
 */
export function unexpectedCalls(calls: readonly Call[], roles: readonly AwsRole[]): readonly string[] {
  const allowed = (action: string): boolean => {
    const row = table[action]
    // Without any role it needs no permission.
    return row !== undefined && (row.roles.length === 0 || row.roles.some((role) => roles.includes(role)))
  }
  const seen = calls.filter(({ service }) => !others.includes(service))
  const unexpected = seen.filter((call) => !allowed(actionOf(call)) || tagsOther(call))
  return [...new Set(unexpected.map(actionOf))].sort()
}

/** What these roles may do and was never called: permissions too many, or paths that no test takes. AWS's own requests are never seen. */
export function uncalledActions(calls: readonly Call[], roles: readonly AwsRole[]): readonly string[] {
  const seen = new Set(calls.map(actionOf))
  return Object.entries(table)
    .filter(([, row]) => row.by !== 'aws' && row.when === undefined)
    .filter(([action, row]) => row.roles.some((role) => roles.includes(role)) && !seen.has(action))
    .map(([action]) => action)
    .sort()
}
