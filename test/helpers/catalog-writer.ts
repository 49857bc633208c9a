// One of several processes that write to the same catalog: `catalog-writer.ts CATALOG NAME START CACHE`.
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { catalogOpener } from '../../pipeline/ports/open-catalog.ts'

const [, , address = '', name = '', start = '0', cache = ''] = process.argv
const { signal } = new AbortController()
const open = catalogOpener({ files: nodeFiles, env: process.env, cache, signal, warn: () => undefined })
const catalog = open(address)
const counter = 'channels/race/nightly/counter.json'

async function swapOnce(): Promise<boolean> {
  const seen = await catalog.read(counter)
  const count = seen === null ? 0 : (JSON.parse(seen.value) as { count: number }).count
  return catalog.compareAndSwap(counter, seen?.etag ?? null, JSON.stringify({ count: count + 1, by: name }))
}

await catalog.list('')
await new Promise((resolve) => setTimeout(resolve, Math.max(0, Number(start) - Date.now())))
let created = 0
for (let index = 0; index < 40; index += 1) {
  if (await catalog.createOnly(`releases/race/1.0.${index}/reservation.json`, name)) created += 1
}
let swapped = 0
while (swapped < 20) if (await swapOnce()) swapped += 1
process.stdout.write(JSON.stringify({ created, swapped }))
