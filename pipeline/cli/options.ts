import type { Env } from '../core/settings-env.ts'

/** The value of an option that takes a text; null when it was not given. */
export function textOption(
  options: Readonly<Record<string, string | boolean | undefined>>,
  name: string,
): string | null {
  const value = options[name]
  return typeof value === 'string' ? value : null
}

/** Where the vulnerability database is: the flag, else the environment or mintmark.yaml; null for Trivy's own. */
export const databaseOption = (
  options: Readonly<Record<string, string | boolean | undefined>>,
  env: Env,
): string | null => textOption(options, 'trivyDb') ?? (env['MINTMARK_TRIVY_DB'] || null)
