import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { renderedBundle } from '../../pipeline/stages/render.ts'
import { checkout, testWorld } from '../helpers/world.ts'

const rendering = suite('render')
/** The hardening scripts are left out: their content is data, and they have tests of their own. */
const golden = [
  'source.pkr.hcl',
  'build.pkr.hcl',
  'cloud-init/user-data.json',
  'guest/prepare.sh',
  'guest/check.sh',
  'guest/seal.sh',
  'guest/last.sh',
]

for (const image of ['debian-12', 'debian-13']) {
  rendering(`${image} renders to the golden text (UPDATE_GOLDEN=1 writes it)`, async () => {
    const { world, close } = await testWorld()
    try {
      const { files } = await renderedBundle(world, image, await loadDefinition(world, image))
      for (const path of golden) {
        const at = join(checkout, 'test/golden', image, path)
        if (process.env['UPDATE_GOLDEN'] === '1') {
          await mkdir(dirname(at), { recursive: true })
          await writeFile(at, files.get(path) ?? '')
        }
        assert.is(files.get(path), await readFile(at, 'utf8'), path)
      }
    } finally {
      await close()
    }
  })
}

rendering('the same inputs give the same bytes, whatever the machine, its mirror and the hour', async () => {
  const digests = new Set<string>()
  for (const now of ['2026-11-22T03:00:00Z', '2027-02-01T12:00:00Z']) {
    const { world, close } = await testWorld({ now: new Date(now) })
    const env = {
      ...world.env,
      MINTMARK_DEBIAN_MIRROR: `http://mirror-of-${now.slice(0, 4)}.example/debian`,
      HOME: `/home/of-${now.slice(0, 4)}`,
    }
    const { bundle, files } = await renderedBundle(
      { ...world, env },
      'debian-13',
      await loadDefinition(world, 'debian-13'),
    )
    digests.add(bundle.digest)
    for (const [path, text] of files) {
      assert.not.match(text, /mirror-of-/, path)
      assert.not.match(text, checkout, path)
    }
    await close()
  }
  assert.is(digests.size, 1)
})

rendering(
  'another port, package or exception is another bundle; what contradicts itself is refused',
  async () => {
    const { world, close } = await testWorld()
    try {
      const definition = await loadDefinition(world, 'debian-13')
      const digestWith = async (change: Partial<typeof definition>): Promise<string> =>
        (await renderedBundle(world, 'debian-13', { ...definition, ...change })).bundle.digest
      const plain = await digestWith({})
      const { content, hardening } = definition
      assert.is.not(await digestWith({ content: { ...content, ports: [22, 443] } }), plain)
      assert.is.not(
        await digestWith({ content: { ...content, packages: { add: ['curl'], remove: [] } } }),
        plain,
      )
      const exception = {
        control: 'ssh-tcp-forwarding',
        reason: 'this is a bastion host',
        owner: 'team-security',
        expires: '2027-03-31',
      }
      assert.is.not(await digestWith({ hardening: { ...hardening, exceptions: [exception] } }), plain)
      for (const wrong of [
        { content: { ...content, packages: { add: [], remove: ['sudo'] } } },
        { hardening: { ...hardening, exceptions: [{ ...exception, control: 'no-such-control' }] } },
      ]) {
        try {
          await digestWith(wrong)
          assert.unreachable()
        } catch (cause) {
          assert.is((cause as { code?: string }).code, 'CONFIG_INVALID')
        }
      }
    } finally {
      await close()
    }
  },
)

rendering.run()
