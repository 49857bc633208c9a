import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { coverage } from '../../pipeline/core/hardening/coverage.ts'
import { selectControls } from '../../pipeline/core/hardening/select-controls.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { loadHardening } from '../../pipeline/stages/load-hardening.ts'
import { checkout, testWorld } from '../helpers/world.ts'
import { ownContent, rendered, systems } from './rendered.ts'

const content = await ownContent()
const folder = join(checkout, 'hardening')
const ours = suite('our controls')

ours('are at least 50 of at least 12 kinds on each OS', () => {
  for (const os of systems) {
    const selected = selectControls(content, { profile: 'baseline', os })
    assert.ok(selected.length >= 50)
    assert.ok(new Set(selected.map((control) => control.kind)).size >= 12)
  }
})

ours('are the ones of the golden list; a change of it is a change of every image', () => {
  for (const os of systems) {
    const ids = selectControls(content, { profile: 'baseline', os }).map((control) => control.id)
    const golden = join(checkout, 'test/golden', `controls-${os}.txt`)
    assert.fixture(`${ids.join('\n')}\n`, readFileSync(golden, 'utf8'))
  }
})

ours('are all in the baseline', () => {
  const listed = content.profiles.get('baseline')?.controls ?? []
  assert.equal([...listed].sort(), content.controls.map((control) => control.id).sort())
})

ours('cover every requirement of the baseline, or it is explained', () => {
  for (const os of systems) assert.is(coverage(content, 'baseline', os).counts.missing, 0)
})

ours('each cover something', () => {
  for (const control of content.controls) assert.ok(Object.values(control.refs).flat().length > 0, control.id)
})

ours('never lock anybody out', () => {
  const values = content.controls.flatMap((control) => JSON.stringify(control.values))
  const text = values.join('\n')
  assert.not.match(text, /pam_tally/)
  assert.not.match(text, /"ClientAliveCountMax","value":"0"/)
  assert.not.match(text, /"-f 2"|"value":"(halt|single)"/)
  assert.match(text, /pam_unix\.so no_pass_expiry/)
})

ours.run()

const scripts = suite('scripts')

const shellcheck = (path: string): string => spawnSync('shellcheck', [path], { encoding: 'utf8' }).stdout

scripts('pass shellcheck, each on its own', () => {
  const files = [
    ...['apply', 'check'].map((side) => join(folder, 'lib', `${side}.sh`)),
    ...['kinds', 'scripts'].flatMap((group) =>
      readdirSync(join(folder, group)).flatMap((name) =>
        ['apply', 'check'].map((side) => join(folder, group, name, `${side}.sh`)),
      ),
    ),
  ]
  assert.ok(files.length > 30)
  assert.is(spawnSync('shellcheck', files, { encoding: 'utf8' }).stdout, '')
  for (const file of files) assert.not.match(readFileSync(file, 'utf8'), /\{\{/, `${file} is static`)
})

scripts('pass shellcheck as rendered, and dash can parse them', () => {
  const work = mkdtempSync(join(tmpdir(), 'mintmark-rendered-'))
  try {
    for (const os of systems) {
      for (const [name, text] of Object.entries(rendered(content, os))) {
        const path = join(work, `${name}-${os}`)
        writeFileSync(path, text)
        assert.is(shellcheck(path), '', path)
        execFileSync('sh', ['-n', path])
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
})

scripts.run()

const loading = suite('loading')

/** A checkout of its own with our hardening content, and what loading it says after a change. */
async function problemsAfter(change: (at: (path: string) => string) => void): Promise<readonly string[]> {
  const { world, folder: work, close } = await testWorld()
  try {
    const root = join(work, 'checkout')
    mkdirSync(root)
    cpSync(folder, join(root, 'hardening'), { recursive: true })
    change((path) => join(root, 'hardening', path))
    await loadHardening({ ...world, places: { ...world.places, installation: root } })
    return []
  } catch (error) {
    assert.instance(error, MintmarkError)
    if (!(error instanceof MintmarkError)) throw error
    assert.is(error.code, 'CONFIG_INVALID')
    return error.lines
  } finally {
    await close()
  }
}

const edit = (path: string, from: string, to: string) => (at: (path: string) => string) => {
  const before = readFileSync(at(path), 'utf8')
  assert.ok(before.includes(from), `${from} in ${path}`)
  writeFileSync(at(path), before.replace(from, to))
}

const refused: readonly (readonly [
  what: string,
  change: (at: (path: string) => string) => void,
  problem: RegExp,
])[] = [
  [
    'a wrong severity, with its place',
    edit('controls/ssh.yaml', 'severity: high', 'severity: hihg'),
    /controls\/ssh\.yaml:\d+:\d+ .*hihg/,
  ],
  [
    'an unknown kind',
    edit('controls/ssh.yaml', 'kind: sshd-option', 'kind: sshd-options'),
    /ssh\.yaml ssh-root-login: kind sshd-options is not known; did you mean sshd-option/,
  ],
  [
    'an unknown column',
    edit('controls/ssh.yaml', 'values: {option:', 'values: {optoin:'),
    /column optoin is not known; did you mean option/,
  ],
  [
    'a missing column',
    edit('controls/ssh.yaml', 'values: {option: PermitRootLogin, ', 'values: {'),
    /ssh-root-login: values has no option/,
  ],
  [
    'an id that is there twice',
    edit('controls/ssh.yaml', 'id: ssh-password-login', 'id: ssh-root-login'),
    /the same id is in hardening\/controls\/ssh\.yaml/,
  ],
  [
    'an unknown requirement',
    edit('controls/ssh.yaml', 'baseline: [SSH-01]', 'baseline: [SSH-0l]'),
    /requirement of baseline SSH-0l is not known/,
  ],
  [
    'a control in a profile that nobody wrote',
    edit('profiles/baseline.yaml', '- ssh-root-login', '- ssh-rot-login'),
    /profiles\/baseline\.yaml: control ssh-rot-login is not known; did you mean ssh-root-login/,
  ],
  [
    'a script without a control',
    (at) => cpSync(at('scripts/su-for-administrators'), at('scripts/lost'), { recursive: true }),
    /scripts\/lost: there is no control lost/,
  ],
  [
    'a control without its script',
    (at) => rmSync(at('scripts/su-for-administrators'), { recursive: true }),
    /scripts\/su-for-administrators\/ is missing/,
  ],
]

loading('takes what is in the checkout', async () => {
  assert.equal(await problemsAfter(() => {}), [])
})

for (const [what, change, problem] of refused) {
  loading(`refuses ${what}`, async () => {
    assert.match((await problemsAfter(change)).join('\n'), problem)
  })
}

loading.run()
