import type { Definition } from '../model/definition.ts'

/** Path of the source that Python made this file from; null when it is no such file. */
export function sourceOfBytecode(path: string): string | null {
  const parts = /^(.*\/)?__pycache__\/([^/]+)\.cpython-\d+(?:\.opt-[12])?\.pyc$/.exec(path)
  return parts === null ? null : `${parts[1] ?? ''}${parts[2] ?? ''}.py`
}

/** True when packages of the image may be a team's own and not a distribution's: from its repositories, its base, or put there by a step. */
export const mayHoldOwnPackages = ({
  base,
  content,
}: {
  readonly base: Definition['base']
  readonly content: Pick<Definition['content'], 'repos' | 'steps'>
}): boolean =>
  content.repos.length > 0 ||
  content.steps.length > 0 ||
  'image' in base ||
  (base.from === 'image' && base.file !== undefined)
