import { mkdir, open, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { secretPatterns } from '../../pipeline/core/secret-search.ts'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { dropLeaks, proveAbsence } from '../../pipeline/stages/prove-absence.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { testWorld } from '../helpers/world.ts'

const absence = suite('prove-absence')
const value = 'the-token-that-nobody-may-find'
const patterns = secretPatterns([{ name: 'agent-token', value: Buffer.from(value) }])
const diskBytes = 64 * 2 ** 20

/** A run folder with a compressed qcow2 as Packer leaves it, and what the proof says of it. */
async function proof(plant: { readonly at: number; readonly text: string } | null, log = 'nothing') {
  const { world, folder, close } = await testWorld()
  try {
    await mkdir(join(folder, 'build/results'), { recursive: true })
    const raw = join(folder, 'disk.raw')
    await writeFile(raw, 'a boot sector')
    await truncate(raw, diskBytes)
    if (plant !== null) {
      const handle = await open(raw, 'r+')
      await handle.write(plant.text, plant.at)
      await handle.close()
    }
    const artifact = join(folder, 'build/image.qcow2')
    await world.exec.run(['qemu-img', 'convert', '-c', '-O', 'qcow2', raw, artifact])
    await world.files.remove(raw)
    await writeFile(join(folder, 'build/packer.log'), log)
    let error: MintmarkError | null = null
    try {
      await proveAbsence({ world, target: targets.qemu }, { folder, built: artifact, patterns })
    } catch (cause) {
      error = cause as MintmarkError
    }
    return {
      error,
      artifact: (await world.files.info(artifact)) !== null,
      log: (await world.files.info(join(folder, 'build/packer.log'))) !== null,
      raw: (await world.files.info(join(folder, 'build/search.raw'))) !== null,
    }
  } finally {
    await close()
  }
}

absence('an image without the value is left as it is', async () => {
  assert.equal(await proof(null), { error: null, artifact: true, log: true, raw: false })
})

for (const [name, at, text] of [
  ['the very end', diskBytes - value.length, value],
  ['the border of two chunks', 4 * 2 ** 20 - 7, value],
  ['a log of a proxy, in base64', 20_000_001, Buffer.from(`user:${value}`).toString('base64')],
  ['hex', 33_333_333, Buffer.from(value).toString('hex').toUpperCase()],
] as const) {
  absence(`found in the disk: ${name}`, async () => {
    const { error, artifact, raw } = await proof({ at, text })
    assert.is(error?.code, 'BUILD_FAILED')
    assert.match(
      error?.lines[0] ?? '',
      /^secret agent-token \((?:raw|base64|hex)\) is in the image's disk, at byte \d+$/,
    )
    assert.not.match(JSON.stringify(error) + error?.lines.join(), value)
    assert.not.ok(artifact || raw)
  })
}

absence('a log that holds the value is removed, and with it the image', async () => {
  const { error, artifact, log } = await proof(null, `qemu.image: got ${value}\n`)
  assert.equal(error?.lines, ['secret agent-token (raw) was in build/packer.log, which is removed now'])
  assert.not.ok(artifact || log)
})

absence('after a failed build too', async () => {
  const { world, folder, close } = await testWorld()
  try {
    await writeFile(join(folder, 'packer.log'), value)
    await writeFile(join(folder, 'console.log'), 'fine')
    assert.is((await dropLeaks(world, folder, patterns)).length, 1)
    assert.ok((await world.files.list(folder)).includes('console.log'))
    assert.not.ok((await world.files.list(folder)).includes('packer.log'))
  } finally {
    await close()
  }
})

absence.run()
