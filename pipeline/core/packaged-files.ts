import type { Definition } from '../model/definition.ts'

/** Since the merge of `/lib` into `/usr/lib` a package may list a file under the old name. */
const merged = (path: string): string =>
  /^(?:bin|sbin|lib|lib32|lib64|libx32)\//.test(path) ? `usr/${path}` : path

export interface PackagedFile {
  readonly package: string
  /** As the package delivered it, lower-case hex. */
  readonly md5: string
}

/**
 * Which packages deliver these paths (without a leading slash), by dpkg's own lists.
 * @param lists name of a list, e.g. `openssl.md5sums` or `libssl3:amd64.md5sums` -> its text
 */
export function packagedFiles(
  lists: Iterable<readonly [name: string, text: string]>,
  paths: readonly string[],
): ReadonlyMap<string, PackagedFile> {
  const wanted = new Map(paths.map((path) => [merged(path), path]))
  const found = new Map<string, PackagedFile>()
  for (const [name, text] of lists) {
    for (const line of text.split('\n')) {
      const [, md5, listed] = /^([0-9a-f]{32}) {2}(.+)$/.exec(line) ?? []
      if (md5 === undefined || listed === undefined) continue
      const path = wanted.get(merged(listed))
      if (path !== undefined)
        found.set(path, { package: name.replace(/(?::[a-z0-9-]+)?\.md5sums$/, ''), md5 })
    }
  }
  return found
}

/** Packages of a dpkg status file whose maintainer answers at Debian or Ubuntu. */
export function distributionPackages(status: string): ReadonlySet<string> {
  return new Set(
    status.split(/\n{2,}/).flatMap((stanza) => {
      const name = /^Package:[ \t]*(\S+)/m.exec(stanza)?.[1]
      const isTheirs = /^Maintainer:.*[@.](?:debian\.(?:org|net)|ubuntu\.com|canonical\.com)>/m.test(stanza)
      return name !== undefined && isTheirs ? [name] : []
    }),
  )
}

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
