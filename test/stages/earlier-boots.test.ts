import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { earlierBoots } from '../../pipeline/stages/earlier-boots.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { testWorld } from '../helpers/world.ts'

const earlier = suite('earlier boots')

earlier("an image's first release has nothing to be compared with", async () => {
  const { world, close } = await testWorld()
  try {
    await fixtureRelease(world)
    assert.is(await earlierBoots(world, 'web', 'qemu-x86_64'), null)
  } finally {
    await close()
  }
})

earlier('the times of what the channel nightly points to, and what they were measured on', async () => {
  const { world, close } = await testWorld()
  try {
    await fixtureRelease(world)
    const { version } = await findRelease(world, 'debian-13')
    assert.equal(await earlierBoots(world, 'debian-13', 'qemu-x86_64'), {
      version,
      accelerator: 'tcg',
      seconds: [20],
    })
  } finally {
    await close()
  }
})

earlier('a release whose report is gone loses the comparison only', async () => {
  const { world, close } = await testWorld()
  try {
    await fixtureRelease(world)
    const { reports } = (await findRelease(world, 'debian-13')).statement.predicate
    const catalog = {
      ...world.catalog,
      getBlob: async (digest: string) =>
        world.catalog.getBlob(digest === reports['test']?.sha256 ? '0'.repeat(64) : digest),
    }
    assert.is(await earlierBoots({ ...world, catalog }, 'debian-13', 'qemu-x86_64'), null)
  } finally {
    await close()
  }
})

earlier.run()
