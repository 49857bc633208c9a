import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type DiskEntry, diffFiles, listingFormat, parseDiskListing } from '../../pipeline/core/diff-files.ts'

const files = suite('diff of files')

files('what the real find and sha256sum print, with names that are no help', () => {
  const root = mkdtempSync(join(tmpdir(), 'mintmark-test-'))
  try {
    const name = 'a b\n\\ 100%'
    writeFileSync(join(root, name), 'x')
    chmodSync(join(root, name), 0o640)
    writeFileSync(join(root, 'empty'), '')
    symlinkSync('a -> b', join(root, 'link'))
    const find = (...more: readonly string[]): string =>
      execFileSync('find', [root, '-mindepth', '1', ...more], { encoding: 'utf8' })
    const entries = parseDiskListing(
      find('-printf', listingFormat),
      find('-type', 'f', '-exec', 'sha256sum', '--zero', '{}', '+'),
      root,
    )
    const byPath = new Map(entries.map((entry) => [entry.path, entry]))
    const owner = `${process.getuid?.()}:${process.getgid?.()}`
    assert.is(entries.length, 3)
    assert.equal(byPath.get(`/${name}`), {
      path: `/${name}`,
      type: 'f',
      mode: '0640',
      owner,
      size: 1,
      link: null,
      sha256: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881',
    })
    assert.is(byPath.get('/link')?.link, 'a -> b')
    assert.is(byPath.get('/link')?.sha256, null)
    assert.match(byPath.get('/empty')?.sha256 ?? '', /^e3b0c442/)
  } finally {
    rmSync(root, { recursive: true })
  }
})

const file = (path: string, change: Partial<DiskEntry> = {}): DiskEntry => ({
  path,
  type: 'f',
  mode: '0644',
  owner: '0:0',
  size: 1,
  link: null,
  sha256: 'a'.repeat(64),
  ...change,
})
const changed = (path: string, change: Partial<DiskEntry>): readonly (readonly [string, string | null])[] =>
  diffFiles([file(path)], [file(path, change)]).map(({ what, expected }) => [what.join('; '), expected])

files('every property counts, and equal ones are not listed', () => {
  assert.equal(changed('/a', {}), [])
  assert.equal(changed('/a', { sha256: 'b'.repeat(64) }), [['content', null]])
  assert.equal(changed('/a', { sha256: 'b'.repeat(64), size: 2 }), [['content, 1 -> 2 bytes', null]])
  assert.equal(changed('/a', { mode: '0600', owner: '0:42' }), [
    ['mode 0644 -> 0600; owner 0:0 -> 0:42', null],
  ])
  assert.equal(changed('/a', { type: 'd' }), [['type f -> d', null]])
  const link = file('/l', { type: 'l', sha256: null, size: null, link: 'x' })
  assert.equal(
    diffFiles([link], [{ ...link, link: 'y', mode: '0777' }]).map(({ what }) => what),
    [['link x -> y']],
  )
})

files('what could not be read is never equal', () => {
  const unread = file('/a', { sha256: null })
  assert.equal(
    diffFiles([unread], [unread]).map(({ what }) => what),
    [['content']],
  )
})

files('an expected difference is listed with its reason, but only of its content', () => {
  assert.equal(changed('/usr/lib/os-release', { sha256: 'b'.repeat(64) }), [
    ['content', 'IMAGE_VERSION names the release'],
  ])
  assert.equal(changed('/usr/lib/os-release', { sha256: 'b'.repeat(64), mode: '0666' }), [
    ['content; mode 0644 -> 0666', null],
  ])
})

files('added and removed', () => {
  assert.equal(
    diffFiles([file('/a'), file('/b')], [file('/b'), file('/c')]).map(({ path, change }) => [path, change]),
    [
      ['/a', 'removed'],
      ['/c', 'added'],
    ],
  )
})

files.run()
