import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { Catalog } from '../../pipeline/ports/catalog.ts'
import { blobName } from '../../pipeline/ports/catalog-key.ts'
import { checkCatalog } from '../../pipeline/stages/catalog-check.ts'
import { repairCatalog } from '../../pipeline/stages/catalog-repair.ts'
import { folderStore } from '../helpers/catalog-store.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { testWorld } from '../helpers/world.ts'

const repairing = suite('catalog repair')

repairing('goes on with the others when one is written by somebody else, and reads none again', async () => {
  const box = await testWorld()
  try {
    const first = await fixtureRelease(box.world, { runId: 'r-1' })
    const store = folderStore(box)
    const digest = first.published.subject
    const report = await box.world.files.sha256(join(first.run.context.folder, 'scan/sarif'))
    for (const name of [digest, report]) await store.drop(blobName(name))
    const { broken } = await checkCatalog(box.world, () => undefined)
    assert.equal(broken.map(({ sha256 }) => sha256).sort(), [digest, report].sort())
    // The image comes first.
    const inOrder = [...broken].sort((blob) => (blob.sha256 === digest ? -1 : 1))
    const busy: Catalog = {
      ...store.catalog,
      checkBlob: async () => assert.unreachable() as never,
      restoreBlob: async (sha256, source) => {
        if (sha256 === digest) throw new MintmarkError('CONFLICT', 'it is written by somebody else')
        return store.catalog.restoreBlob(sha256, source)
      },
    }
    const repairs = await repairCatalog({ ...box.world, catalog: busy }, inOrder, null, () => undefined)
    assert.equal(
      repairs.map(({ sha256, from }) => [sha256, from !== null]),
      [
        [digest, false],
        [report, true],
      ],
    )
    assert.match(box.told.lines.join('\n'), 'it is written by somebody else')
    assert.equal(
      (await checkCatalog(box.world, () => undefined)).broken.map(({ sha256 }) => sha256),
      [digest],
    )
  } finally {
    await box.close()
  }
})

repairing.run()
