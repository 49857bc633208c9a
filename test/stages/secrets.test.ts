import { lchown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MintmarkError } from '../../pipeline/errors.ts'
import type { Definition } from '../../pipeline/model/definition.ts'
import { processTag } from '../../pipeline/ports/process-tag.ts'
import type { World } from '../../pipeline/ports/world.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { readSecrets, withSecretFiles } from '../../pipeline/stages/secrets.ts'
import { withImages } from '../helpers/images-folder.ts'
import { testWorld } from '../helpers/world.ts'

const secrets = suite('secrets')
const token = 'a-token-of-the-tests'

async function inWorld(work: (world: World, definition: Definition, folder: string) => Promise<void>) {
  const { world: plain, folder, close } = await testWorld()
  try {
    const world = await withImages(plain, folder, 'rich', 'rich')
    const definition = await loadDefinition(world, 'rich')
    const file = join(folder, 'bootstrap-key')
    await writeFile(file, 'value of the file\n')
    const sources = {
      'agent-token': { env: 'AGENT_TOKEN' },
      'bootstrap-key': { file },
      unused: { env: 'NONE' },
    }
    await work(
      { ...world, env: { ...world.env, AGENT_TOKEN: token } },
      { ...definition, secrets: sources },
      folder,
    )
  } finally {
    await close()
  }
}

const problems = async (work: Promise<unknown>): Promise<MintmarkError> => {
  try {
    await work
  } catch (cause) {
    return cause as MintmarkError
  }
  throw new Error('no error')
}

secrets('values come from where the definition says; what no step names is not asked for', () =>
  inWorld(async (world, definition) => {
    const read = await readSecrets(world, 'rich', definition)
    assert.equal(
      read.map(({ name, value }) => [name, Buffer.from(value).toString()]),
      [
        ['agent-token', token],
        ['bootstrap-key', 'value of the file\n'],
      ],
    )
  }),
)

secrets('missing, empty and short ones are told all at once, without a value', () =>
  inWorld(async (world, definition, folder) => {
    const sources = {
      'agent-token': { env: 'AGENT_TOKEN' },
      'bootstrap-key': { file: join(folder, 'nowhere') },
    }
    for (const [value, told] of [
      ['', /AGENT_TOKEN is not set; export it/],
      ['seven77', /the value has 7 bytes/],
    ] as const) {
      const error = await problems(
        readSecrets({ ...world, env: { AGENT_TOKEN: value } }, 'rich', { ...definition, secrets: sources }),
      )
      assert.is(error.code, 'CONFIG_INVALID')
      assert.is(error.lines.length, 2)
      assert.match(error.lines[0] ?? '', told)
      assert.match(error.lines[0] ?? '', /^images\/rich\.yaml secrets\.agent-token: /)
      assert.match(error.lines[1] ?? '', /nowhere is not there/)
      assert.not.match(error.lines.join(), 'seven77')
    }
  }),
)

secrets('they are files in memory, for us alone, and gone after the work, also when it fails', () =>
  inWorld(async (world, definition) => {
    const read = await readSecrets(world, 'rich', definition)
    let seen = ''
    await withSecretFiles(world, 'rich', read, async (folder) => {
      seen = folder
      assert.is((await stat(folder)).mode & 0o777, 0o700)
      assert.is((await stat(join(folder, 'agent-token'))).mode & 0o777, 0o600)
      assert.is(await readFile(join(folder, 'agent-token'), 'utf8'), token)
      const { stdout } = await world.exec.run(['stat', '--file-system', '--format=%T', folder])
      assert.is(stdout.trim(), 'tmpfs')
    })
    assert.is(await world.files.info(seen), null)
    const failed = await problems(
      withSecretFiles(world, 'rich', read, async (folder) => {
        seen = folder
        throw new Error('the build failed')
      }),
    )
    assert.is(failed.message, 'the build failed')
    assert.is(await world.files.info(seen), null)
  }),
)

secrets('what a killed build left is swept by the next one of the same image, and only of that', () =>
  inWorld(async (world, definition) => {
    const read = await readSecrets(world, 'rich', definition)
    let left = ''
    await withSecretFiles(world, 'rich', read, async (folder) => {
      left = folder.replace(processTag(), processTag().replace(/[^-]+$/, 'zz'))
      assert.is.not(left, folder)
    })
    const strangers = `${left}-of-another-user`
    for (const path of [left, strangers]) {
      await mkdir(path)
      await writeFile(join(path, 'agent-token'), token)
    }
    if (process.getuid?.() === 0) await lchown(strangers, 65534, 65534)
    await withSecretFiles(world, 'other', read, async () => {
      assert.equal(await readdir(left), ['agent-token'])
    })
    await withSecretFiles(world, 'rich', read, async () => {
      assert.is(await world.files.info(left), null)
      if (process.getuid?.() === 0) assert.equal(await readdir(strangers), ['agent-token'])
    })
    await rm(strangers, { recursive: true, force: true })
  }),
)

secrets('a folder that is on a disk is not taken', () =>
  inWorld(async (world, definition, folder) => {
    const read = await readSecrets(world, 'rich', definition)
    await withSecretFiles(
      { ...world, env: { ...world.env, XDG_RUNTIME_DIR: folder } },
      'rich',
      read,
      async (taken) => assert.not.match(taken, folder),
    )
    const disk: World = {
      ...world,
      exec: {
        ...world.exec,
        run: (argv, options) =>
          // No machine of the tests has /dev/shm on a disk: what stat would say there.
          world.exec.run(argv[0] === 'stat' ? ['echo', 'ext2/ext3'] : argv, options),
      },
    }
    const error = await problems(withSecretFiles(disk, 'rich', read, async () => undefined))
    assert.is(error.code, 'TOOL_FAILED')
    assert.match(error.message, 'tmpfs')
  }),
)

secrets.run()
