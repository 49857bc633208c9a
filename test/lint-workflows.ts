import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { nodeExec } from '../pipeline/ports/exec.ts'
import { nodeFiles } from '../pipeline/ports/files.ts'
import { findTools } from '../pipeline/ports/find-tools.ts'
import { pythonProgram } from '../pipeline/ports/install-python.ts'
import { placesFrom } from '../pipeline/ports/places.ts'
import { checkout } from './helpers/world.ts'

/** Checks the workflows as `npm run workflows`: actionlint with shellcheck, and zizmor at its strictest, both without the network. */
const folder = join(checkout, '.github/workflows')
const exec = nodeExec(new AbortController().signal)
const places = placesFrom(process.env, checkout)
const actionlint = await findTools(exec, nodeFiles, places).need('actionlint')
const zizmor = await pythonProgram(nodeFiles, places, 'zizmor')
const shellcheck = await exec.which('shellcheck')
if (zizmor === null || shellcheck === null)
  throw new Error('zizmor or shellcheck is missing: ./mintmark setup --for workflows --yes')

/** What `init --repo` gives a team besides copies of ours. */
const teams = join(checkout, 'templates/team/github-ci.yml')
const files = [
  ...readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => join(folder, name)),
  teams,
]
const checks: readonly (readonly [name: string, argv: readonly string[]])[] = [
  [
    'actionlint',
    [
      actionlint.path,
      ...['-no-color', '-shellcheck', shellcheck, '-pyflakes', ''],
      // Of GitHub's since May 2026, and not known to actionlint 1.7.12: to be taken out with a newer one.
      ...['-ignore', '^unexpected key "queue" for "concurrency" section\\.'],
      ...files,
    ],
  ],
  [
    'zizmor',
    [
      zizmor,
      '--offline',
      '--no-config',
      '--strict-collection',
      '--no-progress',
      '--persona',
      'auditor',
      '--color',
      'never',
      folder,
      teams,
    ],
  ],
]
for (const [name, argv] of checks) {
  const { code, stdout, stderr } = await exec.run(argv, { ok: 'any' })
  process.stdout.write(
    `${name}: ${code === 0 ? `nothing found in ${files.length} workflows` : `exit ${code}`}\n`,
  )
  if (code === 0) continue
  process.stdout.write(`${stdout}${stderr}`)
  process.exitCode = 1
}
