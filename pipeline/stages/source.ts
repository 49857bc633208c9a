import type { RecordPredicate } from '../model/release.ts'
import type { World } from '../ports/world.ts'

type Source = Pick<RecordPredicate['source'], 'commit' | 'dirty'>

/** The checkout's commit; null without git or outside a checkout. */
export async function sourceOf(world: World): Promise<Source> {
  if ((await world.exec.which('git')) === null) return { commit: null, dirty: false }
  const git = ['git', '--no-optional-locks', '-C', world.places.root]
  const head = await world.exec.run([...git, 'rev-parse', '--verify', 'HEAD'], { ok: 'any' })
  const commit = head.stdout.trim()
  if (head.code !== 0 || !/^[0-9a-f]{40,64}$/.test(commit)) return { commit: null, dirty: false }
  const status = await world.exec.run([...git, 'status', '--porcelain'], { ok: 'any' })
  return { commit, dirty: status.code !== 0 || status.stdout.trim() !== '' }
}
