import { spawnSync } from 'node:child_process'
import { promises } from 'node:fs'
import {
  chmod,
  lchown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ErrorCode, MintmarkError } from '../../pipeline/errors.ts'
import { explained } from '../../pipeline/ports/file-errors.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { ownerOf, processTag } from '../../pipeline/ports/process-tag.ts'

const files = suite<{ folder: string }>('files')
files.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-files-'))
})
files.after.each(({ folder }) => rm(folder, { recursive: true, force: true }))

const dayAgo = new Date(Date.now() - 86_400_000)

files('a write leaves the whole file with its mode, and nothing beside it', async ({ folder }) => {
  const path = join(folder, 'a/b/file')
  await nodeFiles.write(path, 'one', { mode: 0o600 })
  await nodeFiles.write(path, 'two', { mode: 0o640, staging: join(folder, 'staging') })
  assert.is(await readFile(path, 'utf8'), 'two')
  assert.is((await stat(path)).mode & 0o777, 0o640)
  assert.equal(await readdir(join(folder, 'a/b')), ['file'])
  assert.equal(await readdir(join(folder, 'staging')), [])
})

files('a sparse file has its bytes at their places and its size, or is not there', async ({ folder }) => {
  const path = join(folder, 'a/disk')
  const staging = join(folder, 'staging')
  const size = 64 * 2 ** 20
  const put = nodeFiles.writeSparse(
    path,
    size,
    async (write) => {
      await write(Buffer.from('last'), size - 4)
      await write(Buffer.from('first'), 0)
      assert.equal(await readdir(join(folder, 'a')), [], 'not before it is whole')
      return 'two pieces'
    },
    { mode: 0o600, staging },
  )
  assert.is(await put, 'two pieces')
  const bytes = await readFile(path)
  assert.equal(
    [bytes.length, String(bytes.subarray(0, 5)), String(bytes.subarray(-4))],
    [size, 'first', 'last'],
  )
  const { mode, blocks } = await stat(path)
  assert.is(mode & 0o777, 0o600)
  assert.ok(blocks * 512 < 2 ** 20)
  const stopped = nodeFiles.writeSparse(join(folder, 'a/other'), size, async () => {
    throw new Error('stopped')
  })
  await stopped.then(
    () => assert.unreachable(),
    (cause) => assert.is(cause.message, 'stopped'),
  )
  assert.equal([await readdir(join(folder, 'a')), await readdir(staging)], [['disk'], []])
})

files('what a link names is replaced, not the link', async ({ folder }) => {
  await writeFile(join(folder, 'real'), 'one')
  await symlink('real', join(folder, 'link'))
  await nodeFiles.write(join(folder, 'link'), 'two')
  assert.is(await readFile(join(folder, 'real'), 'utf8'), 'two')
})

files('create-only never changes what is there', async ({ folder }) => {
  const path = join(folder, 'key')
  const made = await Promise.all([1, 2, 3, 4].map((text) => nodeFiles.createOnly(path, String(text))))
  assert.is(made.filter(Boolean).length, 1)
  assert.equal(await readdir(folder), ['key'])
})

files("the tag tells this process's things from a dead one's and another machine's", () => {
  assert.is(ownerOf(`x.${processTag()}.ab.tmp`), 'alive')
  assert.is(ownerOf(`mm-${processTag()}-AbC123`), 'alive')
  const { stdout } = spawnSync(
    process.execPath,
    [
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      `import { processTag } from '${new URL('../../pipeline/ports/process-tag.ts', import.meta.url).href}'; process.stdout.write(processTag())`,
    ],
    { encoding: 'utf8' },
  )
  assert.match(stdout, /^p[0-9a-f]{6}-/)
  assert.is(ownerOf(`x.${stdout}.ab.tmp`), 'dead')
  assert.is(ownerOf(processTag().replace(/[^-]+$/, 'zz')), 'dead', 'another process with this number')
  assert.is(ownerOf(`p${processTag().slice(1, 7) === '000000' ? '111111' : '000000'}-1-1.tmp`), 'elsewhere')
  for (const name of ['file', 'plugin-packer-1-2', '.packer-plugin-qemu-x', 'report.json', 'p12345-1-1'])
    assert.is(ownerOf(name), null, name)
})

files('what is abandoned is found, and nothing else', async ({ folder }) => {
  const dead = processTag().replace(/[^-]+$/, 'zz')
  const other = `p${processTag().slice(1, 7) === '000000' ? '111111' : '000000'}-1-1`
  for (const name of [`a.${dead}.tmp`, `b.${processTag()}.tmp`, `c.${other}.tmp`, 'd.tmp', 'e'])
    await writeFile(join(folder, name), '')
  assert.equal(await nodeFiles.abandoned(folder, dayAgo), [join(folder, `a.${dead}.tmp`)])
  await utimes(join(folder, `c.${other}.tmp`), dayAgo, dayAgo)
  const soon = new Date(Date.now() + 60_000)
  assert.equal(
    (await nodeFiles.abandoned(folder, soon)).map((path) => path.slice(folder.length + 1)),
    [`a.${dead}.tmp`, `c.${other}.tmp`].sort(),
  )
  assert.equal(await nodeFiles.abandoned(join(folder, 'nowhere'), dayAgo), [])
  const own = await nodeFiles.tempFolder('scan-', folder)
  assert.is(ownerOf(own.slice(folder.length + 1)), 'alive')
})

const tagModule = new URL('../../pipeline/ports/process-tag.ts', import.meta.url).href

files('a process that can not be looked at is not taken for a dead one', () => {
  const script = `
    import { openSync } from 'node:fs'
    import { ownerOf } from '${tagModule}'
    const [, alive, dead] = process.argv
    const before = [alive, dead].map(ownerOf)
    try { for (;;) openSync('/dev/null') } catch (cause) { if (cause.code !== 'EMFILE') throw cause }
    process.stdout.write(JSON.stringify([before, [alive, dead].map(ownerOf)]))`
  const over = spawnSync('true').pid.toString(36)
  const { stdout, stderr } = spawnSync(
    'sh',
    [
      '-c',
      'ulimit -n 128; exec "$@"',
      'sh',
      process.execPath,
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      script,
      processTag(),
      processTag().replace(/-[^-]+-/, `-${over}-`),
    ],
    { encoding: 'utf8' },
  )
  assert.is(stdout, '[["alive","dead"],["elsewhere","dead"]]', stderr)
})

files('what another user owns is not for us to judge, whatever its name says', async ({ folder }) => {
  if (process.getuid?.() !== 0) return
  const dead = processTag().replace(/[^-]+$/, 'zz')
  for (const name of ['mm', 'planted']) await mkdir(join(folder, `${name}-${dead}-abcdef`))
  await lchown(join(folder, `planted-${dead}-abcdef`), 65534, 65534)
  assert.equal(await nodeFiles.abandoned(folder, dayAgo), [join(folder, `mm-${dead}-abcdef`)])
})

files('each new and each removed name is on the disk before it is told', async ({ folder }) => {
  const { open } = promises
  const synced: string[] = []
  const from = process.cwd()
  let left = 0
  const during = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
    synced.length = 0
    left = 100
    await work()
    return [...new Set(synced)].sort()
  }
  promises.open = async (path, ...rest) => {
    // Instead of a test that does not end.
    if (left-- <= 0) throw new Error('it syncs for ever')
    const handle = await open(path, ...rest)
    const { sync } = handle
    handle.sync = () => {
      synced.push(String(path).slice(folder.length))
      return sync.call(handle)
    }
    return handle
  }
  syncBuiltinESMExports()
  try {
    const at = (name: string): string => join(folder, name)
    assert.equal(await during(() => nodeFiles.write(at('a/b/file'), 'x')), ['', '/a', '/a/b'])
    assert.equal(await during(() => nodeFiles.createOnly(at('a/key'), 'x')), ['/a'])
    assert.equal(await during(() => nodeFiles.rename(at('a/key'), at('a/b/key'))), ['/a', '/a/b'])
    assert.ok((await during(() => nodeFiles.place(at('a/b/key'), at('c/key')))).includes('/c'))
    assert.equal(await during(() => nodeFiles.remove(at('c/key'))), ['/c'])
    assert.equal(await during(() => nodeFiles.makeFolder(at('d'))), [''])
    assert.equal(await during(() => nodeFiles.remove(at('never/there'))), [])
    // Names of one letter: no folder above them is shorter.
    process.chdir(folder)
    assert.equal(await during(() => nodeFiles.makeFolder('r/s/t')), ['', '/r', '/r/s'])
  } finally {
    process.chdir(from)
    promises.open = open
    syncBuiltinESMExports()
  }
})

files(
  'a look that the system refuses is told as that, and not taken for nothing there',
  async ({ folder }) => {
    const name = 'x'.repeat(300)
    for (const look of [nodeFiles.info, nodeFiles.freeBytes]) {
      const cause = (await look(join(folder, name)).catch((error: unknown) => error)) as MintmarkError
      assert.is(cause.code, 'TOOL_FAILED')
      assert.match(cause.message, /can't be read: its name is too long/)
    }
    await symlink('loop', join(folder, 'loop'))
    const cause = (await nodeFiles
      .info(join(folder, 'loop/x'))
      .catch((error: unknown) => error)) as MintmarkError
    assert.match(cause.message, /a link on the way leads to itself/)
  },
)

const refusals: readonly (readonly [string, ErrorCode, RegExp])[] = [
  ['ENOSPC', 'NO_SPACE', /no space left to write \/x/],
  ['EDQUOT', 'NO_SPACE', /the quota is used up/],
  ['EFBIG', 'NO_SPACE', /larger than files may be here/],
  ['EROFS', 'TOOL_FAILED', /file system is read-only/],
  ['EACCES', 'TOOL_FAILED', /can't be written \(EACCES\)/],
  ['EPERM', 'TOOL_FAILED', /can't be written \(EPERM\)/],
  ['EMFILE', 'TOOL_FAILED', /too many files are open/],
  ['ENFILE', 'TOOL_FAILED', /too many files are open/],
  ['EIO', 'TOOL_FAILED', /the disk or its server fails/],
  ['ESTALE', 'TOOL_FAILED', /the disk or its server fails/],
  ['ETIMEDOUT', 'TOOL_FAILED', /the disk or its server fails \(ETIMEDOUT\)/],
  ['ENOTCONN', 'TOOL_FAILED', /the disk or its server fails \(ENOTCONN\)/],
]

files("the system's refusals have a meaning and a way out", () => {
  for (const [code, meant, said] of refusals) {
    const error = explained('/x', 'written', Object.assign(new Error(code), { code })) as MintmarkError
    assert.is(error.code, meant, code)
    assert.match(error.message, said)
    assert.ok(error.hint.length > 10)
  }
  const other = Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
  assert.is(explained('/x', 'read', other), other)
})

files('a full device is no space', async () => {
  const handle = await import('node:fs/promises').then(({ writeFile: write }) =>
    write('/dev/full', 'x').catch((cause: unknown) => cause),
  )
  assert.is((explained('/dev/full', 'written', handle) as MintmarkError).code, 'NO_SPACE')
})

files('a folder that is not ours is told as that', async ({ folder }) => {
  if (process.getuid?.() === 0) {
    // Root may write everywhere but where the kernel itself refuses.
    const cause: unknown = await nodeFiles.write('/proc/mintmark', 'x').catch((error: unknown) => error)
    assert.ok(cause instanceof Error)
    return
  }
  await chmod(folder, 0o500)
  const cause = (await nodeFiles
    .write(join(folder, 'x'), 'x')
    .catch((error: unknown) => error)) as MintmarkError
  await chmod(folder, 0o700)
  assert.is(cause.code, 'TOOL_FAILED')
})

files.run()
