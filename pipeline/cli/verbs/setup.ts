import { MintmarkError } from '../../errors.ts'
import { ensureTools } from '../../stages/setup.ts'
import type { RunVerb } from '../verb.ts'

export const run: RunVerb = async ({ world, options }) => {
  const purpose = options['for'] ?? 'release'
  if (purpose !== 'release' && purpose !== 'ansible' && purpose !== 'test') {
    throw new MintmarkError('USAGE', `--for is "${String(purpose)}": expected release, ansible or test`)
  }
  const { installed } = await ensureTools(world, purpose, options['yes'] === true)
  world.report.result(installed.length === 0 ? 'everything is there' : `installed: ${installed.join(' ')}`, {
    installed,
  })
  return 0
}
