import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeExec } from '../../pipeline/ports/exec.ts'
import { checkout } from '../helpers/world.ts'

/**
 * Two builds of debian-13 from the same lock and the same state of the archive, compared. Takes two releases' time; ends with 1
 * when something differs that nothing explains. The folder of both catalogs can be given, to go on with what is there.
 */
const exec = nodeExec(new AbortController().signal)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const given = process.argv[2]
const folder = given ?? (await mkdtemp(join(tmpdir(), 'mintmark-reproduce-')))
const env = { XDG_DATA_HOME: join(folder, 'data'), XDG_STATE_HOME: join(folder, 'state') }

async function mintmark(...args: string[]): Promise<string> {
  say(`mintmark ${args.join(' ')}`)
  const { stdout } = await exec.run([join(checkout, 'mintmark'), ...args], { env })
  return stdout
}

interface Diff {
  readonly packages: Readonly<Record<string, readonly unknown[]>>
  readonly files: readonly { readonly path: string; readonly expected: string | null }[]
}

try {
  for (const version of ['1.0.0', '1.0.1']) {
    const made = JSON.parse(await mintmark('releases', 'debian-13', '--json').catch(() => '[]'))
    if (JSON.stringify(made).includes(`"${version}"`)) continue
    await mintmark('release', 'debian-13', '--fresh', '--release-version', version, '--json')
  }
  say(await mintmark('diff', 'debian-13@1.0.0', 'debian-13@1.0.1', '--files'))
  const diff: Diff = JSON.parse(
    await mintmark('diff', 'debian-13@1.0.0', 'debian-13@1.0.1', '--files', '--json'),
  )
  const packages = Object.values(diff.packages).reduce((sum, list) => sum + list.length, 0)
  const unexplained = diff.files.filter(({ expected }) => expected === null)
  say(
    `${packages} packages differ, ${diff.files.length} files differ, ${unexplained.length} of them unexplained`,
  )
  for (const { path } of unexplained) say(`  ${path}`)
  process.exitCode = packages === 0 && unexplained.length === 0 ? 0 : 1
} finally {
  if (given === undefined) await rm(folder, { recursive: true, force: true })
}
