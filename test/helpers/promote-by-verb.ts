import { run as approveVerb } from '../../pipeline/cli/verbs/approve.ts'
import { run as promoteVerb } from '../../pipeline/cli/verbs/promote.ts'
import type { World } from '../../pipeline/ports/world.ts'
import type { ChannelWorld } from './channel-world.ts'

type Options = Readonly<Record<string, string | boolean>>

// biome-ignore lint/suspicious/noExplicitAny: what a program reads
type Told = { readonly code: number; readonly text: string; readonly data: any }

export async function told(
  { box }: ChannelWorld,
  verb: typeof promoteVerb,
  world: World,
  args: readonly string[],
  options: Options = {},
): Promise<Told> {
  box.told.results.length = 0
  const code = (await verb({ world, args, options })) ?? 0
  const [result] = box.told.results
  return { code, text: result?.text ?? '', data: JSON.parse(JSON.stringify(result?.data ?? null)) }
}

export const promote = (at: ChannelWorld, world: World, args: readonly string[], options: Options = {}) =>
  told(at, promoteVerb, world, args, { by: 'alice', ...options })

/** Looks, and accepts what was seen. Returns the digest. */
export async function approve(at: ChannelWorld, world: World, ref: string, by: string): Promise<string> {
  const { data } = await told(at, approveVerb, world, [ref, 'stable'], { by })
  await told(at, approveVerb, world, [ref, 'stable'], { by, diff: `sha256:${data.digest}` })
  return data.digest
}
