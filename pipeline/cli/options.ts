import type { Env } from '../core/settings-env.ts'
import { showValue } from '../core/show-value.ts'
import { MintmarkError } from '../errors.ts'
import type { SecondScannerOption } from '../stages/second-scanner.ts'

/** The value of an option that takes a text; null when it was not given. */
export function textOption(
  options: Readonly<Record<string, string | boolean | undefined>>,
  name: string,
): string | null {
  const value = options[name]
  return typeof value === 'string' ? value : null
}

/** The same, and null for an empty one: what a workflow's form leaves empty was not given. */
export const filledOption = (
  options: Readonly<Record<string, string | boolean | undefined>>,
  name: string,
): string | null => textOption(options, name)?.trim() || null

/**
 * Why it is an emergency; null when it is none. By flags, else by the environment, as a workflow's form gives it: MINTMARK_EMERGENCY
 * (true or false) and MINTMARK_EMERGENCY_REASON.
 * @throws MintmarkError USAGE for one without the other
 */
export function emergencyOption(
  options: Readonly<Record<string, string | boolean | undefined>>,
  env: Env,
): string | null {
  const told = env['MINTMARK_EMERGENCY'] || 'false'
  if (told !== 'true' && told !== 'false')
    throw new MintmarkError('USAGE', `MINTMARK_EMERGENCY is ${showValue(told)}: expected true or false`)
  const reason = textOption(options, 'reason') ?? (env['MINTMARK_EMERGENCY_REASON'] || null)
  const hint = './mintmark release IMAGE --emergency --reason "CVE-2026-2222 is being exploited"'
  if (options['emergency'] !== true && told !== 'true') {
    if (reason === null) return null
    throw new MintmarkError('USAGE', '--reason is for an emergency, and --emergency is not given', { hint })
  }
  if (reason === null || reason.trim() === '')
    throw new MintmarkError('USAGE', '--emergency needs a reason, which goes into the record', { hint })
  return reason
}

/** Where the vulnerability database is: the flag, else the environment or mintmark.yaml; null for Trivy's own. */
export const databaseOption = (
  options: Readonly<Record<string, string | boolean | undefined>>,
  env: Env,
): string | null => textOption(options, 'trivyDb') ?? (env['MINTMARK_TRIVY_DB'] || null)

/** Where the known-exploited list is: the flag, else the environment or mintmark.yaml; null for none. */
export const exploitedOption = (
  options: Readonly<Record<string, string | boolean | undefined>>,
  env: Env,
): string | null => textOption(options, 'knownExploited') ?? (env['MINTMARK_KNOWN_EXPLOITED'] || null)

/** Which other scanner looks as well: by flags, else the environment or mintmark.yaml; null for none. */
export function secondScannerOption(
  options: Readonly<Record<string, string | boolean | undefined>>,
  env: Env,
): SecondScannerOption | null {
  const name = textOption(options, 'secondScanner') ?? (env['MINTMARK_SECOND_SCANNER'] || null)
  const database = textOption(options, 'grypeDb') ?? (env['MINTMARK_GRYPE_DB'] || null)
  if (name === null) {
    if (textOption(options, 'grypeDb') !== null)
      throw new MintmarkError(
        'USAGE',
        '--grype-db is for a second scanner, and --second-scanner is not given',
        {
          hint: 'add --second-scanner grype',
        },
      )
    return null
  }
  if (name !== 'grype') throw new MintmarkError('USAGE', `--second-scanner is "${name}": expected grype`)
  if (database === null) {
    throw new MintmarkError('USAGE', 'the second scanner grype needs --grype-db, and none is given', {
      hint: 'give the folder that `grype db update` fills, ~/.cache/grype/db/6',
    })
  }
  return { name, database }
}

/** The run's id, which the jobs of several variants share: the flag, else the environment; null for one of its own. */
export function runOption(
  options: Readonly<Record<string, string | boolean | undefined>>,
  env: Env,
): string | null {
  const run = textOption(options, 'run') ?? (env['MINTMARK_RUN'] || null)
  // It names a folder beside the lock of the image.
  if (run === null || (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(run) && run !== 'lock')) return run
  throw new MintmarkError(
    'USAGE',
    `--run is "${run}": expected letters, digits, ".", "_" and "-", at most 64`,
  )
}
