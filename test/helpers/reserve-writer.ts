// One of several jobs that make a variant each of one version: `reserve-writer.ts CATALOG RUN START`. Prints the version that it got.
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { folderCatalog } from '../../pipeline/ports/folder-catalog.ts'
import { reserveVersion } from '../../pipeline/stages/reserve.ts'
import { facts } from './release-fixture.ts'
import { testWorld } from './world.ts'

const [, , root = '', runId = '', start = '0'] = process.argv
const box = await testWorld()
try {
  const world = { ...box.world, catalog: folderCatalog(root, nodeFiles) }
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, Number(start) - Date.now())))
  for (let index = 0; index < 10; index += 1) {
    const input = { image: 'debian-13', runId: `${runId}-${index}`, facts, given: null }
    const version = await reserveVersion(world, { ...input, variants: ['qemu-aarch64', 'qemu-x86_64'] })
    process.stdout.write(`${version}\n`)
  }
} finally {
  await box.close()
}
