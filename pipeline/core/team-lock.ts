import { createHash } from 'node:crypto'
import * as z from 'zod'

const Entry = z.looseObject({ dev: z.boolean().optional() })

/** mintmark's own package-lock.json, which its tarball has as `dist/package-lock.json`: what it was tested with. */
export const OwnLock = z.looseObject({ lockfileVersion: z.literal(3), packages: z.record(z.string(), Entry) })
export type OwnLock = z.infer<typeof OwnLock>

/** What is read of the package.json in a tarball of mintmark. */
export const OwnPackage = z.looseObject({
  name: z.literal('mintmark'),
  version: z.string().regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/, 'MAJOR.MINOR.PATCH'),
  license: z.string().optional(),
  dependencies: z.record(z.string(), z.string()),
  bin: z.record(z.string(), z.string()),
  engines: z.record(z.string(), z.string()),
})
export type OwnPackage = z.infer<typeof OwnPackage>

/** Where a repository has mintmark from. */
export interface Tarball {
  /** https://…/mintmark-1.2.3.tgz, or file:vendor/mintmark-1.2.3.tgz */
  readonly spec: string
  /** sha512-… as npm writes it. */
  readonly integrity: string
  readonly package: OwnPackage
  readonly lock: OwnLock
}

/** As npm writes it in lock files. */
export const integrityOf = (bytes: Uint8Array): string =>
  `sha512-${createHash('sha512').update(bytes).digest('base64')}`

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const about = { name: 'golden-images', version: '0.0.0' } as const

const wanted = (tarball: Tarball) => ({
  dependencies: { mintmark: tarball.spec },
  engines: tarball.package.engines,
})

/** The text of a team's package.json: mintmark by its tarball, never by a name in a registry. */
export const teamPackage = (tarball: Tarball): string =>
  json({
    ...about,
    description: 'Golden images of a team, made by mintmark',
    private: true,
    type: 'module',
    scripts: { test: './mintmark review --schema --render' },
    ...wanted(tarball),
  })

/**
 * The text of a team's package-lock.json: the tarball by its hash, and each package below it as mintmark's own lock has it. Registries
 * stay out: whichever a machine asks, the hash decides.
 */
export function teamLock(tarball: Tarball): string {
  const { version, license, dependencies, bin, engines } = tarball.package
  const own = {
    version,
    resolved: tarball.spec,
    integrity: tarball.integrity,
    ...(license === undefined ? {} : { license }),
    dependencies,
    bin,
    engines,
  }
  const below = Object.entries(tarball.lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true)
  const all = [...below, ['node_modules/mintmark', own] as const]
  return json({
    ...about,
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { ...about, ...wanted(tarball) },
      // npm's own order: then its next change of the file is no larger than it has to be.
      ...Object.fromEntries(all.sort(([a], [b]) => a.localeCompare(b, 'en'))),
    },
  })
}
