import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { debianMirror } from '../../../../pipeline/core/apt-sources.ts'
import { findMirror } from '../../../../pipeline/targets/qemu/archive/find-mirror.ts'
import { testWorld } from '../../../helpers/world.ts'

const mirror = suite('finding the mirror')

mirror('a setting, else this machine’s apt, else Debian’s own', async () => {
  const test = await testWorld()
  try {
    const apt = join(test.folder, 'apt')
    const world = { ...test.world, env: {} }
    assert.equal(await findMirror(world, apt), debianMirror)

    await world.files.write(
      join(apt, 'sources.list.d/debian.sources'),
      'Types: deb\nURIs: http://one.example/debian\nSuites: trixie\n',
    )
    assert.equal(await findMirror(world, apt), {
      archive: 'http://one.example/debian',
      security: debianMirror.security,
    })

    await world.files.write(
      join(apt, 'sources.list.d/security.list'),
      'deb http://two.example/debian-security trixie-security main\n',
    )
    await world.files.write(
      join(apt, 'sources.list.d/off.list.disabled'),
      'deb http://off.example/debian trixie main\n',
    )
    assert.equal(await findMirror(world, apt), {
      archive: 'http://one.example/debian',
      security: 'http://two.example/debian-security',
    })

    await world.files.write(join(apt, 'sources.list'), 'deb http://first.example/debian trixie main\n')
    assert.is((await findMirror(world, apt)).archive, 'http://first.example/debian')

    const set = { ...world, env: { MINTMARK_DEBIAN_MIRROR: 'https://set.example/debian/' } }
    assert.equal(await findMirror(set, apt), {
      archive: 'https://set.example/debian',
      security: 'http://two.example/debian-security',
    })
  } finally {
    await test.close()
  }
})

mirror.run()
