import { MintmarkError } from '../../errors.ts'
import { ensureTools, type Purpose, purposes } from '../../stages/setup.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

export const run: RunVerb = async ({ world, options }) => {
  const wanted = (textOption(options, 'for') ?? 'release').split(',').map((word): Purpose => {
    const purpose = purposes.find((known) => known === word)
    if (purpose !== undefined) return purpose
    throw new MintmarkError('USAGE', `--for is "${word}": expected ${purposes.join(', ')}`)
  })
  const { installed } = await ensureTools(world, wanted, options['yes'] === true)
  world.report.result(installed.length === 0 ? 'everything is there' : `installed: ${installed.join(' ')}`, {
    installed,
  })
  return 0
}
