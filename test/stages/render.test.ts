import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { renderedBundle, renderStage } from '../../pipeline/stages/render.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { withImages } from '../helpers/images-folder.ts'
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

/** What only a definition with content of its own has. */
const goldenContent = ['guest/content.sh', 'guest/step.sh', 'guest/secrets.sh', 'host/ansible.sh']

async function assertGolden(image: string, path: string, text: unknown): Promise<void> {
  const at = join(checkout, 'test/golden', image, path)
  if (process.env['UPDATE_GOLDEN'] === '1') {
    await mkdir(dirname(at), { recursive: true })
    await writeFile(at, String(text))
  }
  assert.is(text, await readFile(at, 'utf8'), path)
}

for (const image of ['debian-12', 'debian-13']) {
  rendering(`${image} renders to the golden text (UPDATE_GOLDEN=1 writes it)`, async () => {
    const { world, close } = await testWorld()
    try {
      const { files } = await renderedBundle(world, image, await loadDefinition(world, image), targets.qemu)
      for (const path of golden) await assertGolden(image, path, files.get(path))
      for (const path of goldenContent) assert.not.ok(files.has(path), path)
    } finally {
      await close()
    }
  })
}

for (const image of ['ubuntu-22.04', 'ubuntu-24.04', 'amazon-linux-2023', 'rhel-9', 'rocky-9']) {
  rendering(`${image}: what the guest runs is the golden text, and shellcheck takes it`, async () => {
    const { world, folder, close } = await testWorld()
    try {
      // The target's own files are not looked at here: the definition is for another one.
      const { files } = await renderedBundle(world, image, await loadDefinition(world, image), targets.qemu)
      for (const path of golden.filter((name) => name.startsWith('guest/')))
        await assertGolden(image, path, files.get(path))
      const scripts = [...files].filter(([path]) => path.startsWith('guest/'))
      for (const [path, text] of scripts) await world.files.write(join(folder, path), text)
      const argv = ['shellcheck', '--shell=sh', '--format=gcc', ...scripts.map(([path]) => path)]
      assert.is((await world.exec.run(argv, { cwd: folder, ok: 'any' })).stdout, '')
    } finally {
      await close()
    }
  })
}

rendering('on the target aws: its own source, and the machine powers itself off', async () => {
  const { world: plain, folder, close } = await testWorld()
  try {
    const world = await withImages(plain, folder, 'cloud', 'cloud')
    const target = targets.aws
    assert.ok(target)
    const { files } = await renderedBundle(world, 'cloud', await loadDefinition(world, 'cloud'), target)
    for (const path of ['source.pkr.hcl', 'build.pkr.hcl']) await assertGolden('cloud', path, files.get(path))
  } finally {
    await close()
  }
})

rendering('a definition with all kinds of content renders to the golden text', async () => {
  const { world: plain, folder, close } = await testWorld()
  try {
    const world = await withImages(plain, folder, 'rich', 'rich')
    const { files } = await renderedBundle(world, 'rich', await loadDefinition(world, 'rich'), targets.qemu)
    for (const path of [...golden, ...goldenContent]) await assertGolden('rich', path, files.get(path))
    assert.equal([...files.keys()].filter((path) => /^(?:content|ansible)\//.test(path)).sort(), [
      'ansible/1/roles/motd/tasks/main.yml',
      'ansible/1/roles/motd/templates/motd.j2',
      'ansible/1/site.yml',
      'content/certificates/0',
      'content/certificates/1',
      'content/files/0',
      'content/files/1',
      'content/keys/0',
      'content/steps/0',
      'content/steps/2',
    ])
  } finally {
    await close()
  }
})

rendering('shellcheck and Packer itself take the bundle of all kinds of content', async () => {
  const { world: plain, folder, close } = await testWorld()
  try {
    const world = await withImages(plain, folder, 'rich', 'rich')
    const definition = await loadDefinition(world, 'rich')
    const context = {
      world,
      image: 'rich',
      definition,
      target: targets.qemu,
      folder: join(folder, 'run'),
      runId: 'r-1',
      version: '1.0.0',
      seconds: {},
      options: { trivyDb: null, knownExploited: null, emergency: null },
      step: world.report.step('render'),
      need: (): never => {
        throw new Error('render needs no stage')
      },
    }
    const { output } = await renderStage.run(context)
    assert.is(output.digest, (await renderedBundle(world, 'rich', definition, targets.qemu)).bundle.digest)
    await writeFile(
      join(world.places.root, 'images/scripts/enroll.sh'),
      '#!/bin/sh\nif [ then\n  echo "no end"\n',
    )
    try {
      await renderStage.run(context)
      assert.unreachable('a script that sh refuses')
    } catch (cause) {
      const { code, message, lines } = cause as MintmarkError
      assert.is(code, 'CONFIG_INVALID')
      assert.match(message, /rich\.yaml content\.steps\.0\.run: images\/scripts\/enroll\.sh is no script/)
      assert.match(lines.join(), /images\/scripts\/enroll\.sh/)
    }
  } finally {
    await close()
  }
})

rendering('each byte of each file that a definition names is in the digest', async () => {
  const { world: plain, folder, close } = await testWorld()
  try {
    const world = await withImages(plain, folder, 'rich', 'rich')
    const definition = await loadDefinition(world, 'rich')
    const digest = async (): Promise<string> =>
      (await renderedBundle(world, 'rich', definition, targets.qemu)).bundle.digest
    const seen = new Set([await digest()])
    for (const path of [
      'files/corp.conf',
      'scripts/enroll.sh',
      'scripts/plain.py',
      'playbooks/motd/site.yml',
      'playbooks/motd/roles/motd/templates/motd.j2',
    ]) {
      const at = join(world.places.root, 'images', path)
      await writeFile(at, `${await readFile(at, 'utf8')}\n`)
      seen.add(await digest())
    }
    assert.is(seen.size, 6)
  } finally {
    await close()
  }
})

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
      targets.qemu,
    )
    digests.add(bundle.digest)
    for (const [path, text] of files) {
      assert.not.match(String(text), /mirror-of-/, path)
      assert.not.match(String(text), checkout, path)
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
        (await renderedBundle(world, 'debian-13', { ...definition, ...change }, targets.qemu)).bundle.digest
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
