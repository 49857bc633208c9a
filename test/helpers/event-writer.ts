// One of several processes that add events to a release: `event-writer.ts CATALOG KEYS COUNT`. Prints a line for each.
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { folderCatalog } from '../../pipeline/ports/folder-catalog.ts'
import { signing } from '../../pipeline/ports/signing.ts'
import { appendEvent } from '../../pipeline/stages/events.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { rescanned } from './events.ts'
import { testWorld } from './world.ts'

const [, , root = '', keys = '', count = '1'] = process.argv
const box = await testWorld()
try {
  const world = { ...box.world, catalog: folderCatalog(root, nodeFiles), keys: signing(keys, nodeFiles) }
  const release = await findRelease(world, 'debian-13@1.0.0')
  for (let index = 0; index < Number(count); index += 1) {
    const stored = await appendEvent(world, release, { trust: [], onlyTrust: false }, async () =>
      rescanned(index),
    )
    process.stdout.write(`${stored?.event.sequence}\n`)
  }
} finally {
  await box.close()
}
