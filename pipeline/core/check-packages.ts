import type { Definition } from '../model/definition.ts'
import type { PackageManager } from '../model/hardening.ts'
import { codenameOf } from './lifecycle.ts'
import type { Finding } from './schema-findings.ts'
import { systemOf } from './systems.ts'

/** Debian Policy 5.6.1; rpm takes what the schema takes. */
const debianName = /^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$/

const managerOf = (os: Definition['os']): PackageManager => systemOf(os)?.manager ?? 'apt'

/** What apt and dnf do not have in common, in a definition's packages and repositories. */
export function checkForManager({ os, content }: Definition): readonly Finding[] {
  const manager = managerOf(os)
  const names = (['add', 'remove'] as const).flatMap((list) =>
    content.packages[list].flatMap((name, index): readonly Finding[] =>
      manager === 'dnf' || debianName.test(name)
        ? []
        : [
            {
              path: ['content', 'packages', list, index],
              text: `is "${name}", which is no name of a Debian package: lower-case letters, digits, "+", "-" and "."`,
            },
          ],
    ),
  )
  const repos = content.repos.flatMap(({ suite }, index): readonly Finding[] => {
    if (manager === 'apt' && suite === undefined)
      return [
        {
          path: ['content', 'repos', index],
          text: `has no suite, which apt needs: add suite: ${codenameOf(os) ?? 'trixie'}`,
        },
      ]
    if (manager === 'dnf' && suite !== undefined)
      return [
        {
          path: ['content', 'repos', index, 'suite'],
          text: `is "${suite}", which is for apt: dnf has one address for a repository, so remove it`,
        },
      ]
    return []
  })
  return [...names, ...repos]
}
