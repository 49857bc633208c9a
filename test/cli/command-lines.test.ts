import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse as parseYaml } from 'yaml'
import { parse } from '../../pipeline/cli/parse.ts'
import { pathsBelow, textOf } from '../helpers/sources.ts'

// Each command that a workflow or a file for a team has is one that there is.
const it = suite('command lines')

const paths = [...pathsBelow('.github/workflows', () => true), ...pathsBelow('templates/team', () => true)]

/** Words of a simple command: quotes group, nothing else of the shell is understood. */
const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '')

/** The arguments of every `./mintmark …`, up to the end of the command or of its quotation. */
const commandsOf = (text: string): readonly (readonly string[])[] =>
  [...text.matchAll(/\.\/mintmark ((?:"[^"]*"|'[^']*'|[^\n`;&|#"'])+)/g)]
    .map(([, line = '']) => wordsOf(line))
    .filter(([verb = '']) => /^[a-z]+$/.test(verb))

async function problemOf(words: readonly string[]): Promise<string | null> {
  try {
    // What stands for a value in words is one.
    const { kind } = await parse(words.map((text) => (/^\$/.test(text) ? 'value' : text)))
    return kind === 'verb' || kind === 'help' ? null : kind
  } catch (cause) {
    return `${words.join(' ')}: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

it('every one is understood', async () => {
  const commands = paths.flatMap((path) => commandsOf(textOf(path)).map((words) => ({ path, words })))
  assert.ok(commands.length > 20, `${commands.length}`)
  const wrong: string[] = []
  for (const { path, words } of commands) {
    const problem = await problemOf(words)
    if (problem !== null) wrong.push(`${path}: ${problem}`)
  }
  assert.equal(wrong, [])
})

it('one that there is not is seen', async () => {
  const [words = []] = commandsOf('  run: ./mintmark release "$IMAGE" --yess && echo')
  assert.equal(words, ['release', '$IMAGE', '--yess'])
  assert.match((await problemOf(words)) ?? '', "unknown option '--yess'")
  assert.match((await problemOf(['relase', 'web'])) ?? '', 'Did you mean release')
})

it('files for a team are of their kind, and GitLab s jobs are in a stage', () => {
  for (const path of paths.filter((name) => name.startsWith('templates/team/'))) {
    if (path.endsWith('.json')) assert.type(JSON.parse(textOf(path)), 'object')
    if (path.endsWith('.yml') || path.endsWith('.yaml')) assert.type(parseYaml(textOf(path)), 'object')
  }
  const { stages, ...gitlab } = parseYaml(textOf('templates/team/gitlab-ci.yml')) as {
    readonly stages: readonly string[]
  } & Readonly<Record<string, { readonly stage?: string; readonly script?: readonly string[] }>>
  const jobs = Object.entries(gitlab).filter(([name]) => name !== 'default')
  assert.equal(
    jobs.filter(([, { stage = '', script = [] }]) => !stages.includes(stage) || script.length === 0),
    [],
  )
  for (const line of textOf('templates/team/mintmark.cron')
    .split('\n')
    .filter((text) => /^\d/.test(text)))
    assert.match(
      line,
      /^\d+ \d+ \* \* \* +mintmark +cd \/srv\/golden-images && [^%]+$/,
      'a % would be a new line',
    )
})

it('a team s actions and containers are the ones of our own workflows', () => {
  const pinned = (text: string): readonly string[] =>
    text.match(/\S+@(?:[0-9a-f]{40}|sha256:[0-9a-f]{64})/g) ?? []
  const own = new Set(pathsBelow('.github/workflows', () => true).flatMap((path) => pinned(textOf(path))))
  const used = ['github-ci.yml', 'gitlab-ci.yml'].flatMap((name) => pinned(textOf(`templates/team/${name}`)))
  assert.ok(used.length > 3)
  assert.equal(
    used.filter((item) => !own.has(item)),
    [],
  )
  for (const name of ['github-ci.yml', 'gitlab-ci.yml'])
    for (const line of textOf(`templates/team/${name}`).split('\n'))
      if (/^\s*(?:- )?(?:uses|image): /.test(line)) assert.match(line, /@(?:[0-9a-f]{40} # v|sha256:)/)
})

it.run()
