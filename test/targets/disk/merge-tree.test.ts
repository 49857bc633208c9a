import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Copied, mergeTree } from '../../../pipeline/targets/disk/merge-tree.ts'
import { type TestWorld, testWorld } from '../../helpers/world.ts'

// Real folders, as the readers leave them.
const merge = suite<{ t: TestWorld; folder: string }>('merge')

merge.before(async (context) => {
  context.t = await testWorld()
})
merge.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'mintmark-merge-'))
})
merge.after.each(async ({ folder }) => {
  await rm(folder, { recursive: true, force: true })
})
merge.after(async ({ t }) => t.close())

const osRelease = 'ID=opensuse\n'

async function copied(
  folder: string,
  number: number,
  files: Readonly<Record<string, string>>,
  more: Partial<Copied> = {},
): Promise<Copied> {
  const name = `volume-${number}`
  await mkdir(join(folder, 'into', name), { recursive: true })
  for (const [path, content] of Object.entries(files)) {
    const at = join(folder, 'into', name, path)
    await mkdir(dirname(at), { recursive: true })
    await writeFile(at, content)
  }
  return {
    title: `partition ${number}`,
    partition: number,
    volume: null,
    type: 'btrfs',
    folder: name,
    identity: { uuid: `u${number}`, label: '', partUuid: '', partLabel: '' },
    usualMount: null,
    subvolumes: [],
    defaultSubvolume: '',
    ...more,
  }
}

const rejects = async (work: Promise<unknown>, pattern: RegExp): Promise<void> => {
  const message = await work.then(
    () => 'it was merged',
    (cause: unknown) => String(cause),
  )
  assert.match(message, pattern)
}

merge('subvolumes go where fstab mounts them, also one inside another', async ({ t, folder }) => {
  const fstab = [
    'UUID=u1 / btrfs defaults 0 0',
    'UUID=u1 /var btrfs subvol=/@/var 0 0',
    'UUID=u1 /home btrfs noatime,subvol=@/home 0 0',
  ]
  const one = await copied(
    folder,
    1,
    {
      '@/snapshot/1/etc/os-release': osRelease,
      '@/snapshot/1/etc/fstab': fstab.join('\n'),
      '@/var/log/messages': 'said',
      '@/home/team/file': 'kept',
    },
    { subvolumes: ['@', '@/snapshot/1', '@/var', '@/home'], defaultSubvolume: '@/snapshot/1' },
  )
  const { root, fileSystems } = await mergeTree(t.world, join(folder, 'into'), [one])
  assert.is(await readFile(join(root, 'var/log/messages'), 'utf8'), 'said')
  assert.is(await readFile(join(root, 'home/team/file'), 'utf8'), 'kept')
  assert.equal(
    fileSystems.map(({ mount, volume }) => `${mount} ${volume}`),
    ['/ @/snapshot/1', '/var @/var', '/home @/home'],
  )
  assert.equal(await readdir(join(folder, 'into')), ['root'])
})

merge('a file in no subvolume that is mounted is an error', async ({ t, folder }) => {
  const files = { '@/etc/os-release': osRelease, '@old/etc/key': 'secret' }
  const one = await copied(folder, 1, files, { subvolumes: ['@', '@old'] })
  await rejects(mergeTree(t.world, join(folder, 'into'), [one]), /holds "@old\/etc\/key" in no subvolume/)
})

merge('a name of a subvolume never leads out of the image', async ({ t, folder }) => {
  await mkdir(join(folder, 'host'))
  for (const [number, options] of ['subvol=../../host', 'subvol=@/../../../host'].entries()) {
    const fstab = `UUID=u${number} /srv btrfs ${options} 0 0\n`
    const files = { '@/etc/os-release': osRelease, '@/etc/fstab': fstab }
    const one = await copied(folder, number, files, { subvolumes: ['@', '../../host'] })
    await rejects(mergeTree(t.world, join(folder, 'into'), [one]), /has no subvolume \S*\.\.\/host/)
    assert.equal((await readdir(folder)).sort(), ['host', 'into'])
    await rm(join(folder, 'into'), { recursive: true })
  }
})

merge('two roots are an error that names both', async ({ t, folder }) => {
  const one = await copied(folder, 1, { '@/etc/os-release': osRelease }, { subvolumes: ['@'] })
  const two = await copied(folder, 2, { 'etc/os-release': osRelease }, { type: 'xfs' })
  await rejects(
    mergeTree(t.world, join(folder, 'into'), [one, two]),
    /subvolume @ of partition 1 and partition 2 both have etc\/os-release/,
  )
})

merge.run()
