import { type Env, settingsEnv } from '../core/settings-env.ts'
import type { Files } from '../ports/files.ts'
import { loadSettings } from '../stages/load-settings.ts'

/**
 * The environment that verbs work with: ours, and what mintmark.yaml says where no variable is set.
 * @throws MintmarkError CONFIG_INVALID for a mintmark.yaml that is wrong
 */
export const loadEnv = async (env: Env, files: Files, root: string): Promise<Env> =>
  settingsEnv(await loadSettings({ files }, root), env, root)
