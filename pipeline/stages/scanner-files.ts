import { join } from 'node:path'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'

/** What tells the scanners where to look and what for. */
const scannerFiles = ['scans/trivy.yaml', 'scans/secret-rules.yaml'] as const

type Where = Pick<World, 'files' | 'places'>

/**
 * No record and no gate says by which of them an image was looked at, so a team's own would make every team's result mean something else.
 * @throws MintmarkError CONFIG_INVALID when a team's repository has one
 */
export async function ensureShippedScanners({ files, places }: Where): Promise<void> {
  if (places.root === places.installation) return
  for (const path of scannerFiles)
    if ((await files.info(join(places.root, path))) !== null)
      throw new MintmarkError(
        'CONFIG_INVALID',
        `${path} is mintmark's own, and not read from this repository`,
        {
          hint: `git rm ${path}; what is found and accepted stands in scans/policies/ and scans/waivers/`,
        },
      )
}

/** Where the file is: in mintmark, absolute. @throws MintmarkError CONFIG_INVALID when a team's repository has one of its own */
export async function scannerFile(world: Where, path: (typeof scannerFiles)[number]): Promise<string> {
  await ensureShippedScanners(world)
  return join(world.places.installation, path)
}
