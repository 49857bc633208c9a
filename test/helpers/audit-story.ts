import { join } from 'node:path'
import { run as approveVerb } from '../../pipeline/cli/verbs/approve.ts'
import { run as promoteVerb } from '../../pipeline/cli/verbs/promote.ts'
import { run as rollbackVerb } from '../../pipeline/cli/verbs/rollback.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { appendEvent } from '../../pipeline/stages/events.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { type ChannelWorld, channelWorld, released } from './channel-world.ts'
import { textOf } from './sources.ts'

/** The result of the last verb, as a program reads it. */
// biome-ignore lint/suspicious/noExplicitAny: what a program reads
const last = ({ box }: ChannelWorld): any => JSON.parse(JSON.stringify(box.told.results.at(-1)?.data ?? null))

/** `by` looks at what would come into stable, and accepts it with a comment. */
async function approve(at: ChannelWorld, world: World, ref: string, comment: string): Promise<void> {
  await approveVerb({ world, args: [ref, 'stable'], options: { by: 'bob' } })
  const diff = `sha256:${last(at).digest}`
  await approveVerb({ world, args: [ref, 'stable'], options: { by: 'bob', comment, diff } })
}

const folderOf = (name: string): string => `folder:/srv/${name}`

/** Gives the image to somebody, or takes it back: what `share apply` writes. */
export async function tellShare(
  at: ChannelWorld,
  world: World,
  kind: 'granted' | 'revoked',
  name: string,
): Promise<void> {
  const release = await findRelease(world, 'debian-13@1.0.0')
  const reference = `/srv/${name}/debian-13/1.0.0/debian-13-1.0.0-qemu-x86_64.qcow2`
  await appendEvent(world, release, await at.trust(), async () => ({
    kind,
    data: { channel: 'stable', principal: folderOf(name), reference, by: 'dora' },
  }))
}

/**
 * A release 1.0.0 that was approved, promoted to stable, replaced there by 1.0.1, and rolled back to; which `golden` has and `old` had.
 * The comment of its approval is the text that is given.
 */
export async function auditStory(comment = 'looks good'): Promise<ChannelWorld> {
  const at = await channelWorld('{stable: {needs: {approvals: 1, soak: 0h}}}')
  for (const page of ['report.html.hbs', 'evidence.html.hbs'])
    await at.world.files.write(
      join(at.world.places.root, 'templates/pages', page),
      textOf(`templates/pages/${page}`),
    )
  await released(at.world, 'r-1')
  await approve(at, at.later(1), 'debian-13@1.0.0', comment)
  await promoteVerb({ world: at.later(2), args: ['debian-13@1.0.0', 'stable'], options: { by: 'alice' } })
  await tellShare(at, at.later(3), 'granted', 'golden')
  await tellShare(at, at.later(3), 'granted', 'old')
  await tellShare(at, at.later(4), 'revoked', 'old')
  await released(at.later(5), 'r-2')
  await approve(at, at.later(6), 'debian-13@1.0.1', 'newer')
  await promoteVerb({ world: at.later(7), args: ['debian-13@1.0.1', 'stable'], options: { by: 'alice' } })
  const back = { by: 'carol', reason: 'ssh hangs' }
  await rollbackVerb({ world: at.later(8), args: ['debian-13', 'stable'], options: back })
  at.box.told.results.length = 0
  return at
}
