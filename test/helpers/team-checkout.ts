import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkout } from './world.ts'

const execute = promisify(execFile)

/** A repository that a team made from a tarball of ours, installed. */
export interface TeamCheckout {
  /** All of it is below this folder, with the XDG folders of what runs there. */
  readonly folder: string
  readonly team: string
}

/** @returns what it said on stdout */
export async function ran(cwd: string, program: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, XDG_DATA_HOME: join(cwd, '../data'), XDG_STATE_HOME: join(cwd, '../state') }
  const { stdout } = await execute(program, [...args], { cwd, env, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

/** What `npm pack` takes its files from; the build in the checkout stays as it is. */
const packed = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'mintmark',
  'pipeline',
  'templates',
  'hardening',
  'scans',
  'images',
  '.github',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
] as const

/** Packs this checkout, makes a repository from the tarball in an empty folder, with debian-13, and installs it. */
export async function teamCheckout(): Promise<TeamCheckout> {
  const folder = await mkdtemp(join(tmpdir(), 'team-repository-'))
  const source = join(folder, 'source')
  await mkdir(source)
  for (const name of packed) await cp(join(checkout, name), join(source, name), { recursive: true })
  await symlink(join(checkout, 'node_modules'), join(source, 'node_modules'))
  const name = (await ran(source, 'npm', 'pack', '--silent')).trim().split('\n').at(-1) ?? ''
  const team = join(folder, 'team')
  await ran(
    source,
    './mintmark',
    ...['init', '--repo', team, '--from', name, '--image', 'debian-13', '--security-team', '@corp/security'],
  )
  await ran(team, 'npm', 'ci')
  return { folder, team }
}
