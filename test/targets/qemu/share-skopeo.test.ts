import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { listTags, push, repositoryOf } from '../../../pipeline/targets/qemu/share/skopeo.ts'
import { refusal } from '../../helpers/refusal.ts'
import { testWorld } from '../../helpers/world.ts'

const it = suite('share: skopeo')

it('each call says whether TLS is required: what this machine is set to decides nothing', async () => {
  const box = await testWorld()
  const asked: (readonly string[])[] = []
  const world = {
    ...box.world,
    exec: {
      ...box.world.exec,
      which: async () => '/usr/bin/skopeo',
      run: async (argv: readonly string[]) => {
        asked.push(argv)
        return { code: 1, stdout: '', stderr: 'it is down', signal: null, ms: 1 }
      },
    },
  }
  try {
    for (const [host, verify] of [
      ['registry.corp.example', true],
      ['localhost.corp.example', true],
      ['127.0.0.1:5000', false],
    ] as const) {
      const repository = repositoryOf(`oci:${host}/golden/debian-13`)
      asked.length = 0
      await refusal(listTags(world, repository))
      assert.ok(asked[0]?.includes(`--tls-verify=${verify}`), host)
      await refusal(push(world, repository, '@sha256:0', 'stable', 'sha256:0'))
      assert.ok(asked[1]?.includes(`--dest-tls-verify=${verify}`), host)
      assert.ok(asked[1]?.includes(`--src-tls-verify=${verify}`), host)
    }
  } finally {
    await box.close()
  }
})

it.run()
