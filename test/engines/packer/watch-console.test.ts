import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { watchConsole } from '../../../pipeline/engines/packer/watch-console.ts'
import { testWorld } from '../../helpers/world.ts'

const watching = suite('watching a console')

watching('a kernel that stopped ends the wait, once; one that runs does not', async () => {
  const { world, folder, close } = await testWorld()
  try {
    const path = join(folder, 'console.log')
    let told = 0
    const clock = { ...world.clock, sleep: () => world.clock.sleep(10) }
    const watch = watchConsole({ files: world.files, clock }, path, () => {
      told += 1
    })
    await world.clock.sleep(60)
    assert.equal([told, watch.panic()], [0, null], 'there is no console yet')
    await world.files.write(path, '[    0.0] Linux version 6.12\r\n')
    await world.clock.sleep(60)
    assert.equal([told, watch.panic()], [0, null])
    await world.files.write(path, '[    3.2] Kernel panic - not syncing: Fatal exception in interrupt\r\n')
    for (let tries = 0; told === 0 && tries < 200; tries += 1) await world.clock.sleep(10)
    await world.clock.sleep(60)
    assert.equal([told, watch.panic()], [1, 'Fatal exception in interrupt'])

    const other = watchConsole({ files: world.files, clock }, path, () => {
      told += 10
    })
    other.stop()
    await world.clock.sleep(60)
    assert.is(told, 1, 'one that was stopped tells nothing')
  } finally {
    await close()
  }
})

watching.run()
