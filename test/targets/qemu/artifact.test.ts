import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { targets } from '../../../pipeline/targets/registry.ts'
import { ami } from '../../helpers/ami-release.ts'
import { plainDefinition } from '../../helpers/plain-definition.ts'
import { refusal } from '../../helpers/refusal.ts'
import { testWorld } from '../../helpers/world.ts'

// Real qcow2 files by qemu-img, and a real catalog.
const artifacts = suite('artifact of qemu')
const { qemu } = targets

artifacts(
  'what Packer made is taken over read-only, seen when it changes, and kept under its digest',
  async () => {
    const { world, folder, close } = await testWorld()
    try {
      const built = join(folder, 'output.qcow2')
      await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', built, '64M'])
      const sha256 = await world.files.sha256(built)
      const raw = join(folder, 'search.raw')
      await qemu.rawDisk({ world, built, to: raw })
      assert.is((await world.files.info(raw))?.size, 64 * 2 ** 20)

      const artifact = await qemu.collect({
        world,
        image: 'debian-13',
        definition: plainDefinition(),
        runId: 'run',
        version: '1.0.0',
        built,
        folder,
        update: () => undefined,
      })
      const path = join(folder, 'image.qcow2')
      const info = await world.files.info(path)
      assert.equal(artifact, {
        format: 'qcow2',
        path,
        sha256,
        bytes: info?.size,
        virtualBytes: 64 * 2 ** 20,
      })
      assert.is((info?.mode ?? 0) & 0o777, 0o444)
      assert.is(await world.files.info(built), null)
      assert.is(await qemu.unchanged({ world, artifact }), null)

      const gate = {
        verdict: 'passed' as const,
        subject: sha256,
        policy: { name: 'default', sha256 },
        vulnerability: 'unknown' as const,
        counts: {},
        excepted: [],
        waived: [],
        knownExploited: null,
        emergency: null,
      }
      const published = await qemu.publish({ world, gate, artifact })
      assert.equal(published, {
        subject: sha256,
        bytes: artifact.bytes,
        blob: `blobs/sha256/${sha256.slice(0, 2)}/${sha256}`,
      })
      assert.is(qemu.whereIs(world, artifact).path, world.catalog.blobPath(sha256))

      const other = join(folder, 'other.qcow2')
      await world.exec.run(['qemu-img', 'create', '-q', '-f', 'qcow2', other, '65M'])
      const changed = { ...artifact, path: other }
      assert.is(
        await qemu.unchanged({ world, artifact: changed }),
        `sha256:${await world.files.sha256(other)}`,
      )
      assert.is((await refusal(qemu.publish({ world, gate, artifact: changed }))).code, 'CHAIN_BROKEN')
      await qemu.discard({ world, built: other })
      assert.is(await world.files.info(other), null)
    } finally {
      await close()
    }
  },
)

artifacts('an image of a cloud is refused, and never taken for a path', async () => {
  const { world, folder, close } = await testWorld()
  try {
    for (const work of [
      () => qemu.unchanged({ world, artifact: ami }),
      () => Promise.resolve().then(() => qemu.readDisk({ world, artifact: ami, into: folder })),
    ])
      assert.match((await refusal(work())).message, 'is no file that qemu can use')
  } finally {
    await close()
  }
})

artifacts.run()
