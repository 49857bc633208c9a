import { dirname } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'

/**
 * Looks at a place that `--output` names, before anything is made for it.
 * @param options `force` replaces a file that is there; `like` is a name that would do
 * @throws MintmarkError USAGE for what can't become the file
 */
export async function checkOutput(
  { files }: World,
  file: string,
  { force, like }: { readonly force: boolean; readonly like: string },
): Promise<void> {
  if (file === '')
    throw new MintmarkError('USAGE', '--output is empty', { hint: `name a file, e.g. --output ${like}` })
  const folder = dirname(file)
  const around = await files.info(folder)
  if (around === null)
    throw new MintmarkError('USAGE', `--output ${file}: there is no folder ${folder}`, {
      hint: `make it: mkdir -p ${folder}`,
    })
  if (around.kind !== 'folder' && around.kind !== 'link')
    throw new MintmarkError('USAGE', `--output ${file}: ${folder} is no folder`)
  const there = await files.info(file)
  if (there === null || (force && (there.kind === 'file' || there.kind === 'link'))) return
  if (there.kind === 'folder')
    throw new MintmarkError('USAGE', `--output ${file} is a folder`, {
      hint: `name a file: --output ${file.replace(/\/$/, '')}/${like}`,
    })
  throw new MintmarkError('USAGE', `${file} is there already`, {
    hint: 'name another with --output, or replace it with --force',
  })
}
