import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArchiveBase } from '../../pipeline/model/base.ts'
import { baseDisk } from './base-disk.ts'
import { plainDefinition } from './plain-definition.ts'
import type { TestWorld } from './world.ts'

interface Table {
  readonly partitiontable: {
    readonly sectorsize?: number
    readonly partitions: readonly { readonly start: number; readonly size: number }[]
  }
}

/** What Debian's cloud team has in its AMIs: the user is called admin. */
const defaultUser = `system_info:
  default_user:
    name: admin
    gecos: Debian
`

/**
 * A raw disk of Debian 12 like that of its official AMI, below the test's folder: a base of this machine, whose default user is called
 * as theirs.
 */
export async function officialDisk(test: TestWorld): Promise<string> {
  const { exec } = test.world
  const os = { family: 'debian', release: '12', arch: ['x86_64'] }
  // Theirs have one file system: bases with more are greater.
  const isSimple = ({ disk }: ArchiveBase): boolean => disk.virtualBytes < 4 * 2 ** 30
  const { disk } = await baseDisk(test, 'debian-12', plainDefinition({ os }), isSimple)
  const raw = join(test.folder, 'official.raw')
  await exec.run(['qemu-img', 'convert', '-O', 'raw', disk.path, raw])
  const { stdout } = await exec.run(['sfdisk', '--json', raw])
  const { partitiontable: table } = JSON.parse(stdout) as Table
  // The root is the greatest, whatever the layout of the base.
  const [root] = [...table.partitions].sort((a, b) => b.size - a.size)
  if (root === undefined) throw new Error(`${disk.path} has no partition`)
  const settings = join(test.folder, '99_user.cfg')
  await writeFile(settings, defaultUser)
  const device = `${raw}?offset=${root.start * (table.sectorsize ?? 512)}`
  const { stderr } = await exec.run([
    'debugfs',
    '-w',
    '-R',
    `write ${settings} /etc/cloud/cloud.cfg.d/99_user.cfg`,
    device,
  ])
  const complaints = stderr.split('\n').filter((line) => line !== '' && !/^debugfs [0-9]/.test(line))
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
  return raw
}
