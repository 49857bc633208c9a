import * as z from 'zod'
import { MintmarkError } from '../../../errors.ts'
import type { AwsTarget } from '../../../model/aws-target.ts'
import type { World } from '../../../ports/world.ts'

/** Amazon's own: it answers with the address that it was asked from. */
const checkAddress = 'https://checkip.amazonaws.com'
const timeoutMs = 15_000

/**
 * Who may reach an instance, as CIDRs: what the definition says, else the address that this machine has on the internet.
 * @throws MintmarkError PROVIDER_UNREACHABLE
 */
export async function callersOf(
  { fetch, signal }: Pick<World, 'fetch' | 'signal'>,
  { build }: Pick<AwsTarget, 'build'>,
): Promise<readonly string[]> {
  const { network } = build
  if (network?.from !== undefined) return network.from
  const hint = 'say it in the definition: targets.aws.build.network.from: ["203.0.113.7/32"]'
  const refuse = (why: string, cause?: unknown): MintmarkError =>
    new MintmarkError('PROVIDER_UNREACHABLE', `this machine's public address is not known: ${why}`, {
      hint,
      ...(cause === undefined ? {} : { cause }),
    })
  let text: string
  try {
    text = new TextDecoder().decode(await fetch(checkAddress, { timeoutMs, signal })).trim()
  } catch (cause) {
    if (signal.aborted) throw cause
    throw refuse(cause instanceof Error ? cause.message : String(cause), cause)
  }
  if (z.ipv4().safeParse(text).success) return [`${text}/32`]
  if (z.ipv6().safeParse(text).success) return [`${text}/128`]
  throw refuse(`${checkAddress} answered "${text.slice(0, 60)}"`)
}
