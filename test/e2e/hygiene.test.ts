import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { lookAtDisk } from '../../pipeline/stages/test-hygiene.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { baseDisk } from '../helpers/base-disk.ts'
import { testWorld } from '../helpers/world.ts'

// A real system of some 250 packages, before any build: no boot. That a sealed image passes is what a release proves.
const hygiene = suite('hygiene of a real system')

/** The base is not sealed: systemd-resolved's package has put the resolv.conf of the machine that made it aside. */
const ofBases = ['no-network-of-the-build']

hygiene("a base has its packages' own programs, set-uid where they have it, and no identity", async () => {
  const test = await testWorld()
  const { world, folder } = test
  try {
    const base = await baseDisk(test, 'debian-13', await loadDefinition(world, 'debian-13'))
    const buildKey = join(folder, 'build-key.pub')
    await world.files.write(buildKey, 'ssh-ed25519 AAAAC3NzaNobodyHasThisKey mintmark-build\n')
    const { facts } = await lookAtDisk({
      world,
      target: targets.qemu,
      artifact: { format: 'qcow2', path: base.disk.path },
      folder: join(folder, 'disk'),
      buildKey,
      check: join(folder, 'no-check'),
      excepted: [],
    })
    const bad = facts.filter(({ id, status }) => status !== 'pass' && !ofBases.includes(id))
    assert.equal(
      bad.map(({ id, found }) => `${id}: ${found}`),
      ['controls-hold-sealed: the bundle has no mintmark-check'],
    )
    const found = (id: string) => facts.find((fact) => fact.id === id)
    assert.is(found('set-id-programs')?.found, found('set-id-programs')?.expected)
  } finally {
    await test.close()
  }
})

hygiene.run()
