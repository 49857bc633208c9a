import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Runner } from './github-runner.ts'
import { checkout } from './world.ts'

/** The payload of an event, as GitHub writes it. */
export const payload = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(checkout, `test/fixtures/github/${name}.json`), 'utf8'))

/** Names of images -> text of their definitions, and nothing else below the checkout's images/. */
export async function onlyImages(
  { workspace }: Pick<Runner, 'workspace'>,
  definitions: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = join(workspace, 'images')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  for (const [name, text] of Object.entries(definitions)) await writeFile(join(folder, `${name}.yaml`), text)
}

/**
 * Compares with `test/golden/workflows/NAME.txt`; UPDATE_GOLDEN=1 writes it.
 * @param stands what differs from run to run, and what stands for it; digests always do
 */
export async function sameTranscript(
  name: string,
  told: string,
  stands: readonly (readonly [string | RegExp, string])[],
): Promise<void> {
  const path = join(checkout, `test/golden/workflows/${name}.txt`)
  let text = told
  for (const [from, to] of [...stands, [/\b[0-9a-f]{64}\b/g, 'SHA256'] as const])
    text = text.replaceAll(from, to)
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(path, text)
  assert.fixture(text, await readFile(path, 'utf8'))
}
