import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ScanReport } from '../../pipeline/model/stages.ts'
import { scanTree } from '../../pipeline/stages/scan.ts'
import type { SecondScannerOption } from '../../pipeline/stages/second-scanner.ts'
import type { TestWorld } from './world.ts'

export const subject = 'a'.repeat(64)

export interface Package {
  readonly name: string
  readonly version: string
  readonly source?: string
}

export const oldSsh: Package = { name: 'openssh-server', version: '1:9.2p1-2+deb12u2', source: 'openssh' }
export const oldKernel: Package = {
  name: 'linux-image-6.1.0-16-cloud-amd64',
  version: '6.1.66-1',
  source: 'linux-signed-amd64 (6.1.66+1)',
}
export const bash: Package = { name: 'bash', version: '5.2.15-2+b7', source: 'bash (5.2.15-2)' }

const stanza = ({ name, version, source }: Package): string =>
  [
    `Package: ${name}`,
    'Status: install ok installed',
    'Maintainer: Debian <debian@example.org>',
    'Architecture: amd64',
    ...(source === undefined ? [] : [`Source: ${source}`]),
    `Version: ${version}`,
    'Description: a package',
    '',
  ].join('\n')

export async function put(tree: string, path: string, content: string): Promise<void> {
  await mkdir(dirname(join(tree, path)), { recursive: true })
  await writeFile(join(tree, path), content)
}

/** A system as Trivy and dpkg see one: os-release, debian_version, dpkg's status. */
export async function makeTree(
  t: TestWorld,
  options: { readonly release: string; readonly packages: readonly Package[] },
): Promise<string> {
  const tree = await t.world.files.tempFolder('tree-', t.folder)
  const { release, packages } = options
  await put(tree, 'usr/lib/os-release', `ID=debian\nVERSION_ID="${release}"\n`)
  await mkdir(join(tree, 'etc'))
  await symlink('../usr/lib/os-release', join(tree, 'etc/os-release'))
  await put(tree, 'etc/debian_version', `${release}.7\n`)
  await put(tree, 'etc/hostname', 'somewhere\n')
  await put(tree, 'var/lib/dpkg/status', packages.map(stanza).join('\n'))
  return tree
}

export interface Looked {
  readonly report: ScanReport
  readonly text: (kind: string) => Promise<string>
}

export async function look(
  t: TestWorld,
  tree: string,
  release: string,
  trivyDb: string | null,
  secondScanner: SecondScannerOption | null = null,
): Promise<Looked> {
  const folder = await t.world.files.tempFolder('run-', t.folder)
  const report = await scanTree(t.world, {
    tree,
    work: join(folder, 'work'),
    reports: join(folder, 'reports'),
    name: `debian-${release}@1.0.0`,
    subject,
    os: { family: 'debian', release },
    trivyDb,
    ownRepositories: false,
    secondScanner,
    update: () => undefined,
  })
  const text = (kind: string): Promise<string> => t.world.files.readText(report.files[kind]?.path ?? kind)
  return { report: ScanReport.parse(report), text }
}

/** A GPT disk with the tree in one ext4 partition of this name. */
export async function makeRootDisk(
  t: TestWorld,
  tree: string,
  partition: string,
): Promise<{ readonly raw: string; readonly qcow2: string }> {
  const { exec, files } = t.world
  const folder = await files.tempFolder('disk-', t.folder)
  const raw = join(folder, 'disk.raw')
  const qcow2 = join(folder, 'disk.qcow2')
  await exec.run(['truncate', '-s', '20M', raw])
  await exec.run(['sfdisk', '-q', raw], {
    input: `label: gpt\nstart=2048, size=32768, type=linux, name=${partition}\n`,
  })
  await exec.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-E', 'offset=1048576', '-d', tree, raw, '16M'])
  await exec.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2])
  return { raw, qcow2 }
}
