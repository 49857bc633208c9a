import type { EventOf } from '../model/event.ts'

type Move = EventOf<'pointed'>

/**
 * The versions that a channel would go back through, the current one last: each move adds one, a roll-back takes away what came after
 * its version.
 */
export function versionsBehind(moves: readonly Move[]): readonly string[] {
  const [first] = moves
  const before = first?.data.from ?? null
  const behind: string[] = before === null ? [] : [before]
  for (const { version, data } of moves) {
    const at = behind.lastIndexOf(version)
    if (data.why === 'rolled-back' && at >= 0) behind.length = at + 1
    else if (behind.at(-1) !== version) behind.push(version)
  }
  return behind
}

/** Every version that was ever in the channel, each once, oldest first. */
export const versionsSeen = (moves: readonly Move[]): readonly string[] => [
  ...new Set([
    ...(moves[0]?.data.from == null ? [] : [moves[0].data.from]),
    ...moves.map(({ version }) => version),
  ]),
]
