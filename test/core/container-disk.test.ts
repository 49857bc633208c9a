import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  containerDisk,
  diskPath,
  labels,
  layerAround,
  tagOf,
  withdrawnTag,
} from '../../pipeline/core/container-disk.ts'
import { sha256 } from '../../pipeline/core/digest.ts'
import { hashedPieces } from '../../pipeline/core/hashed-pieces.ts'
import type { SharedImage } from '../../pipeline/core/shared-image.ts'
import { tarHeader } from '../../pipeline/core/tar-entry.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld }>('container disk')
it.before(async (context) => {
  context.box = await testWorld()
})
it.after(({ box }) => box.close())

const disk = Buffer.from('QFI\xfb and some more bytes', 'latin1')

const release: SharedImage = {
  image: 'debian-13',
  version: '1.2.3',
  variant: 'qemu-x86_64',
  arch: 'x86_64',
  sha256: sha256(disk),
  bytes: disk.length,
  virtualBytes: 4 * 2 ** 30,
  format: 'qcow2',
  login: 'debian',
  os: 'debian 13.7',
  made: '2026-11-22T06:00:00.000Z',
  record: sha256('record'),
  revision: 'c0ffee',
}

it('GNU tar reads the layer as KubeVirt wants it: the disk of 107:107, mode 0440', async ({ box }) => {
  const folder = await mkdtemp(join(tmpdir(), 'mintmark-layer-'))
  try {
    const { before, after } = layerAround(release)
    const layer = Buffer.concat([before, disk, after])
    assert.is(layer.length % 512, 0)
    await writeFile(join(folder, 'layer.tar'), layer)
    const { stdout } = await box.world.exec.run([
      'tar',
      '--list',
      '--verbose',
      '--numeric-owner',
      '--utc',
      '--full-time',
      '--file',
      join(folder, 'layer.tar'),
    ])
    assert.equal(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.replace(/ +/g, ' ')),
      [
        'drwxr-xr-x 107/107 0 2026-11-22 06:00:00 disk/',
        `-r--r----- 107/107 ${disk.length} 2026-11-22 06:00:00 disk/debian-13.qcow2`,
      ],
    )
    const extracted = await box.world.exec.run(
      ['tar', '-xf', 'layer.tar', '--to-command', 'sha256sum', diskPath(release)],
      {
        cwd: folder,
      },
    )
    assert.is(extracted.stdout.slice(0, 64), release.sha256)
  } finally {
    await rm(folder, { recursive: true })
  }
})

it('a disk of 8 GiB and more has its size in the header', async ({ box }) => {
  const header = tarHeader({
    name: 'disk/x.qcow2',
    size: 9 * 2 ** 30,
    mode: 0o440,
    user: 107,
    group: 107,
    time: 0,
  })
  const folder = await mkdtemp(join(tmpdir(), 'mintmark-layer-'))
  try {
    await writeFile(join(folder, 'layer.tar'), header)
    const { stdout } = await box.world.exec.run(['tar', '-tvf', join(folder, 'layer.tar')], { ok: 'any' })
    assert.match(stdout, / 9663676416 /)
  } finally {
    await rm(folder, { recursive: true })
  }
})

it('manifest, config and index name each other by digest, and say what the image is', () => {
  const layer = { sha256: sha256('layer'), bytes: 1024 }
  const image = containerDisk(release, layer)
  const manifest = JSON.parse(image.manifest.text)
  assert.is(manifest.mediaType, 'application/vnd.oci.image.manifest.v1+json')
  assert.is(manifest.config.mediaType, 'application/vnd.oci.image.config.v1+json')
  assert.is(manifest.config.digest, `sha256:${sha256(image.config.text)}`)
  assert.is(manifest.config.size, Buffer.byteLength(image.config.text))
  assert.equal(manifest.layers, [
    { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${layer.sha256}`, size: 1024 },
  ])
  const config = JSON.parse(image.config.text)
  assert.is(config.os, 'linux')
  assert.is(config.architecture, 'amd64')
  assert.is(config.created, release.made)
  assert.equal(config.rootfs, { type: 'layers', diff_ids: [`sha256:${layer.sha256}`] })
  assert.is(config.config.Labels[labels.sha256], release.sha256)
  assert.is(config.config.Labels['org.opencontainers.image.version'], '1.2.3')
  assert.is(config.config.Labels['org.opencontainers.image.revision'], 'c0ffee')
  assert.is(JSON.parse(image.index).manifests[0].digest, `sha256:${sha256(image.manifest.text)}`)
  assert.equal(containerDisk(release, layer), image)
  assert.is(
    JSON.parse(containerDisk({ ...release, arch: 'aarch64' }, layer).config.text).architecture,
    'arm64',
  )
})

it('another architecture has tags of its own; what takes a tag away is no release', () => {
  assert.is(tagOf('stable', 'x86_64'), 'stable')
  assert.is(tagOf('stable', 'aarch64'), 'stable-aarch64')
  const { Labels } = JSON.parse(withdrawnTag('debian-13', 'x86_64', 'stable').config.text).config
  assert.is(Labels[labels.image], 'debian-13')
  assert.is(Labels[labels.withdrawn], 'stable')
  assert.is(Labels[labels.version], undefined)
})

it('pieces are hashed while they pass, over several sources', async () => {
  const inner = hashedPieces([Buffer.from('b'), Buffer.from('c')])
  const outer = hashedPieces([Buffer.from('a')], inner.pieces)
  const seen: string[] = []
  for await (const piece of outer.pieces) seen.push(Buffer.from(piece).toString())
  assert.equal(seen, ['a', 'b', 'c'])
  assert.equal(outer.result(), { sha256: sha256('abc'), bytes: 3 })
  assert.equal(inner.result(), { sha256: sha256('bc'), bytes: 2 })
})

it.run()
