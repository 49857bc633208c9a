import { generateKeyPairSync } from 'node:crypto'
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { loadContent } from '../../pipeline/stages/load-content.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { withImages } from '../helpers/images-folder.ts'
import { testWorld } from '../helpers/world.ts'

const content = suite('load-content')
const privateKey = generateKeyPairSync('ed25519')
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString()

/** Problems of the rich fixture after a change in its images/. */
async function problemsAfter(change: (images: string) => Promise<unknown>): Promise<readonly string[]> {
  const { world: plain, folder, close } = await testWorld()
  try {
    const world = await withImages(plain, folder, 'rich', 'rich')
    await change(join(world.places.root, 'images'))
    await loadContent(world, 'rich', await loadDefinition(world, 'rich'))
    return []
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'CONFIG_INVALID', String(cause))
    return (cause as MintmarkError).lines
  } finally {
    await close()
  }
}

content('what the fixture names is read, in order', async () => {
  const { world: plain, folder, close } = await testWorld()
  try {
    const world = await withImages(plain, folder, 'rich', 'rich')
    const loaded = await loadContent(world, 'rich', await loadDefinition(world, 'rich'))
    assert.is(loaded.keys.length, 1)
    assert.equal(
      loaded.certificates.map(({ name }) => name),
      ['corp-roots', 'corp-roots.2'],
    )
    assert.match(Buffer.from(loaded.files[0] ?? []).toString(), /^server = /)
    const [, playbook] = loaded.steps
    assert.ok(playbook?.kind === 'ansible')
    assert.equal(playbook?.kind === 'ansible' ? [playbook.playbook, ...playbook.files.keys()] : [], [
      'site.yml',
      'roles/motd/tasks/main.yml',
      'roles/motd/templates/motd.j2',
      'site.yml',
    ])
  } finally {
    await close()
  }
})

const cases: readonly {
  readonly name: string
  readonly change: (images: string) => Promise<unknown>
  readonly told: RegExp
}[] = [
  {
    name: 'a file that is not there',
    change: (images) => rm(join(images, 'files/issue')),
    told: /^images\/rich\.yaml content\.files\.1\.from: images\/files\/issue is not there$/,
  },
  {
    name: 'a folder for a file',
    change: async (images) => {
      await rm(join(images, 'files/issue'))
      await mkdir(join(images, 'files/issue'))
    },
    told: /content\.files\.1\.from: images\/files\/issue is a folder$/,
  },
  {
    name: 'a link out of images/',
    change: async (images) => {
      await rm(join(images, 'files/issue'))
      await writeFile(join(images, '../outside'), 'x')
      await symlink('../../outside', join(images, 'files/issue'))
    },
    told: /content\.files\.1\.from: .* leads out of images\//,
  },
  {
    name: 'an absolute link',
    change: async (images) => {
      await rm(join(images, 'files/issue'))
      await symlink('/etc/hostname', join(images, 'files/issue'))
    },
    told: /leads out of images\//,
  },
  {
    name: 'a folder that is a link out of images/',
    change: async (images) => {
      await rm(join(images, 'files'), { recursive: true })
      await mkdir(join(images, '../outside'))
      await writeFile(join(images, '../outside/issue'), 'x')
      await symlink('../outside', join(images, 'files'))
    },
    told: /content\.files\.1\.from: .* leads out of images\//,
  },
  {
    name: 'links that go round',
    change: async (images) => {
      await rm(join(images, 'files/issue'))
      await symlink('issue', join(images, 'files/issue'))
    },
    told: /leads out of images\//,
  },
  {
    name: 'a file of more than 16 MiB',
    change: (images) => truncate(join(images, 'files/issue'), 16 * 2 ** 20 + 1),
    told: /content\.files\.1\.from: images\/files\/issue has 17 MiB: at most 16 MiB/,
  },
  {
    name: 'a private key among the files',
    change: (images) => writeFile(join(images, 'files/corp.conf'), `x\n${privateKey}`),
    told: /content\.files\.0\.from: images\/files\/corp\.conf has a private key in it/,
  },
  {
    name: 'a private key beside a playbook',
    change: (images) => writeFile(join(images, 'playbooks/motd/id'), privateKey),
    told: /content\.steps\.1\.ansible: images\/playbooks\/motd\/id has a private key/,
  },
  {
    name: 'a certificate file with its key',
    change: (images) => writeFile(join(images, 'certificates/corp-roots.pem'), privateKey),
    told: /content\.certificates\.0: images\/certificates\/corp-roots\.pem has a private key in it/,
  },
  {
    name: 'a certificate that is none',
    change: (images) => writeFile(join(images, 'certificates/corp-roots.pem'), 'hello'),
    told: /content\.certificates\.0: .* is no PEM certificate/,
  },
  {
    name: 'a repository key that is none',
    change: (images) => writeFile(join(images, 'files/corp.asc'), 'hello'),
    told: /content\.repos\.0\.key: images\/files\/corp\.asc is no OpenPGP public key/,
  },
  {
    name: 'a script that does not say who reads it',
    change: (images) => writeFile(join(images, 'scripts/enroll.sh'), 'echo hello\n'),
    told: /content\.steps\.0\.run: images\/scripts\/enroll\.sh does not begin with an interpreter/,
  },
  {
    name: 'a name beside a playbook that is more than a name',
    change: (images) => writeFile(join(images, 'playbooks/motd/a b'), 'x'),
    told: /content\.steps\.1\.ansible: images\/playbooks\/motd\/a b has a name/,
  },
  {
    name: 'a folder beside a playbook that leads to itself',
    change: (images) => symlink('.', join(images, 'playbooks/motd/roles/round')),
    told: /content\.steps\.1\.ansible: .* more than 20 deep/,
  },
]

for (const { name, change, told } of cases) {
  content(`refused: ${name}`, async () => {
    const problems = await problemsAfter(change)
    assert.ok(
      problems.some((problem) => told.test(problem)),
      problems.join('\n') || 'nothing was refused',
    )
  })
}

content('a link that stays in images/ is followed; all problems are told at once', async () => {
  const linked = await problemsAfter(async (images) => {
    await rm(join(images, 'files/issue'))
    await symlink('../files/corp.conf', join(images, 'files/issue'))
  })
  assert.equal(linked, [])
  const problems = await problemsAfter(async (images) => {
    await rm(join(images, 'files/issue'))
    await rm(join(images, 'files/corp.asc'))
    await rm(join(images, 'scripts'), { recursive: true })
  })
  assert.is(problems.length, 4)
})

content.run()
