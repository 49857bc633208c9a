// One of several processes that write to the same catalog: `catalog-writer.ts CATALOG NAME START`.
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { folderCatalog } from '../../pipeline/ports/folder-catalog.ts'

const [, , root = '', name = '', start = '0'] = process.argv
const catalog = folderCatalog(root, nodeFiles)
const counter = 'channels/race/nightly/counter.json'

async function swapOnce(): Promise<boolean> {
  const seen = await catalog.read(counter)
  const count = seen === null ? 0 : (JSON.parse(seen.value) as { count: number }).count
  return catalog.compareAndSwap(counter, seen?.etag ?? null, JSON.stringify({ count: count + 1, by: name }))
}

await new Promise((resolve) => setTimeout(resolve, Math.max(0, Number(start) - Date.now())))
let created = 0
for (let index = 0; index < 40; index += 1) {
  if (await catalog.createOnly(`releases/race/1.0.${index}/reservation.json`, name)) created += 1
}
let swapped = 0
while (swapped < 20) if (await swapOnce()) swapped += 1
process.stdout.write(JSON.stringify({ created, swapped }))
