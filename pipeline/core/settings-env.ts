import { join } from 'node:path'
import { isS3Address } from '../model/catalog-address.ts'
import { isAddress } from '../model/known-exploited.ts'
import type { Settings } from '../model/settings.ts'

export type Env = Readonly<Record<string, string | undefined>>

/**
 * The environment with the team's settings in the variables that are not set: a variable wins over the file.
 * @param root the checkout, which relative paths of the file begin at
 */
export function settingsEnv(settings: Settings, env: Env, root: string): Env {
  const { mirrors, scan, catalog, language, signing, watch } = settings
  const inCheckout = (path: string): string => (path.startsWith('/') ? path : join(root, path))
  const { database, knownExploited, secondScanner, grypeDatabase } = scan
  const values: Env = {
    MINTMARK_DEBIAN_MIRROR: mirrors.debian,
    MINTMARK_DEBIAN_SECURITY_MIRROR: mirrors.debianSecurity,
    MINTMARK_IMAGE_MIRROR: mirrors.images,
    // A reference like registry.example/trivy-db:2 is no path.
    MINTMARK_TRIVY_DB:
      database !== undefined && /^\.{1,2}\//.test(database) ? inCheckout(database) : database,
    MINTMARK_KNOWN_EXPLOITED:
      knownExploited === undefined || isAddress(knownExploited) ? knownExploited : inCheckout(knownExploited),
    MINTMARK_SECOND_SCANNER: secondScanner,
    MINTMARK_GRYPE_DB: grypeDatabase === undefined ? undefined : inCheckout(grypeDatabase),
    MINTMARK_CATALOG: catalog === undefined || isS3Address(catalog) ? catalog : inCheckout(catalog),
    MINTMARK_WATCH_CHANNEL_AGE: watch?.channelAge,
    MINTMARK_SIGNER: signing?.signer,
    MINTMARK_SIGSTORE_PUBLIC_LOG: signing?.sigstore?.publicLog === true ? 'true' : undefined,
    MINTMARK_SIGSTORE_FULCIO: signing?.sigstore?.fulcio,
    MINTMARK_SIGSTORE_REKOR: signing?.sigstore?.rekor,
    MINTMARK_SIGSTORE_TSA: signing?.sigstore?.tsa,
    MINTMARK_LANGUAGE: language,
  }
  const merged: Record<string, string | undefined> = { ...env }
  for (const [name, value] of Object.entries(values)) merged[name] = env[name] || value
  return merged
}
