import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HardeningContent } from '../../../pipeline/core/hardening/content.ts'
import { coverage } from '../../../pipeline/core/hardening/coverage.ts'
import { explain } from '../../../pipeline/core/hardening/explain.ts'
import { itemRows, renderCheck, renderHarden } from '../../../pipeline/core/hardening/render-hardening.ts'
import {
  packagesNeeded,
  packagesUnwanted,
  selectControls,
} from '../../../pipeline/core/hardening/select-controls.ts'
import { type ErrorCode, MintmarkError } from '../../../pipeline/errors.ts'
import type { Control } from '../../../pipeline/model/hardening.ts'

const control = (id: string, more: Partial<Control> = {}): Control => ({
  id,
  title: `title of ${id}`,
  why: 'because it is so',
  severity: 'low',
  class: 'build',
  holds: 'both',
  os: ['debian-12', 'debian-13'],
  kind: 'setting',
  values: { key: 'a', value: 'b' },
  refs: {},
  ...more,
})

const controls: readonly Control[] = [
  control('zeta', { refs: { own: ['R-1'] } }),
  control('alpha', {
    values: [
      { key: 'one', value: "it's 1" },
      { key: 'two', value: '$(id)' },
    ],
  }),
  control('newer-only', { os: ['debian-13'], refs: { own: ['R-2'] } }),
  control('at-login', { class: 'first-login' }),
  control('clock', { kind: 'package', values: { package: 'timesyncd|chrony', state: 'present' } }),
  control('no-telnet', {
    kind: 'package',
    values: [
      { package: 'telnetd', state: 'absent' },
      { package: 'telnet', state: 'absent' },
    ],
  }),
  control('own-script', { kind: 'script', values: { expected: 'it holds' } }),
]

const content: HardeningContent = {
  controls,
  kinds: new Map([
    [
      'setting',
      {
        kind: {
          title: 'Settings',
          columns: ['key', 'value'],
          order: 20,
          packages: { apt: ['setter'], dnf: ['setter-rpm'] },
        },
        apply: '# shellcheck shell=sh\necho "$ITEMS"\n',
        check: ':\n',
      },
    ],
    [
      'package',
      { kind: { title: 'Packages', columns: ['package', 'state'], order: 10 }, apply: ':\n', check: ':\n' },
    ],
    ['script', { kind: { title: 'Scripts', columns: ['expected'], order: 30 }, apply: ':\n', check: ':\n' }],
  ]),
  scripts: new Map([['own-script', { apply: '# does it\n:\n', check: '# looks\n:\n' }]]),
  profiles: new Map([['base', { title: 'Base', controls: controls.map((item) => item.id) }]]),
  benchmarks: new Map([
    [
      'own',
      {
        title: 'Ours',
        source: 'us',
        requirements: [
          { id: 'R-1', title: 'first' },
          { id: 'R-2', title: 'second' },
          { id: 'R-3', title: 'third', status: 'manual', note: 'people do it' },
          { id: 'R-4', title: 'fourth', status: 'manual' },
        ],
      },
    ],
  ]),
  lib: { installed: '# lib\n', apply: '# lib\n', check: '# lib\n' },
}

const fails = (code: ErrorCode, words: RegExp) => (error: unknown) =>
  error instanceof MintmarkError && error.code === code && words.test(error.message)

const selecting = suite('selecting controls')

selecting('takes the build controls of one OS, sorted', () => {
  const ids = (os: 'debian-12' | 'debian-13') =>
    selectControls(content, { profile: 'base', os }).map((item) => item.id)
  assert.equal(ids('debian-12'), ['alpha', 'clock', 'no-telnet', 'own-script', 'zeta'])
  assert.equal(ids('debian-13'), ['alpha', 'clock', 'newer-only', 'no-telnet', 'own-script', 'zeta'])
})

selecting('refuses names that nobody wrote, with the nearest one', () => {
  assert.throws(
    () => selectControls(content, { profile: 'bass', os: 'debian-12' }),
    fails('CONFIG_INVALID', /bass.*did you mean base/),
  )
  const broken = { ...content, profiles: new Map([['base', { title: 'x', controls: ['alpa'] }]]) }
  assert.throws(
    () => selectControls(broken, { profile: 'base', os: 'debian-12' }),
    fails('CONFIG_INVALID', /alpa.*did you mean alpha/),
  )
})

selecting('knows the packages that are needed and not wanted', () => {
  const selected = selectControls(content, { profile: 'base', os: 'debian-12' })
  assert.equal(packagesNeeded(selected, content, 'apt'), ['setter', 'timesyncd'])
  assert.equal(packagesNeeded(selected, content, 'apt', ['chrony']), ['setter'])
  assert.equal(packagesNeeded(selected, content, 'dnf', ['chrony']), ['setter-rpm'])
  assert.equal(packagesUnwanted(selected, content), ['telnet', 'telnetd'])
})

selecting.run()

const rendering = suite('rendering')
const settings = { manager: 'apt' as const, image: "o'brien", ports: [443, 22, 443] }
const selected = selectControls(content, { profile: 'base', os: 'debian-12' })

rendering('makes one row a value, tab-separated', () => {
  assert.is(
    itemRows(content, controls.slice(0, 2), 'setting'),
    "zeta\ta\tb\nalpha\tone\tit's 1\nalpha\ttwo\t$(id)",
  )
})

rendering('puts all values into the header, quoted', () => {
  const text = renderHarden(content, selected, settings)
  assert.match(text, /^IMAGE='o'\\''brien'$/m)
  assert.match(text, /^PORTS='22 443'$/m)
  assert.match(text, /^ITEMS_setting='alpha\tone\tit'\\''s 1$/m)
  assert.match(text, /^ITEMS_script_own_script='own-script\tit holds'$/m)
  const body = text.slice(text.indexOf('# lib'))
  assert.not.match(body, /it'|\$\(id\)|brien/)
})

rendering('runs kinds in their order, scripts by name', () => {
  const calls = renderHarden(content, selected, settings).match(/^apply_kind .*$/gm)
  assert.equal(calls, [
    "apply_kind 'package' apply_package",
    "apply_kind 'setting' apply_setting",
    "apply_kind 'script own-script' apply_script_own_script",
  ])
})

rendering('tells the check where each control holds', () => {
  assert.match(renderCheck(content, selected, settings), /^CONTROLS='alpha\tboth\tsetting$/m)
})

rendering('is the same for the same input', () => {
  assert.is(renderCheck(content, selected, settings), renderCheck(content, selected, settings))
})

rendering('refuses values that no row can hold', () => {
  for (const value of ['a\tb', 'a\nb', 'a\rb', 'a\0b', 'a\u001bb', 'a\u2028b', '']) {
    const odd = control('odd', { values: { key: 'k', value } })
    assert.throws(() => renderHarden(content, [odd], settings), fails('CONFIG_INVALID', /odd/))
  }
})

rendering('refuses a kind or script that is not there', () => {
  assert.throws(
    () => renderHarden(content, [control('x', { kind: 'settings' })], settings),
    fails('CONFIG_INVALID', /did you mean setting/),
  )
  assert.throws(
    () => renderHarden(content, [control('lost', { kind: 'script', values: { expected: 'x' } })], settings),
    fails('CONFIG_INVALID', /lost has no script/),
  )
})

rendering('refuses a firewall that lets nobody in', () => {
  const kinds = new Map(content.kinds).set('firewall', {
    kind: { title: 'Firewall', columns: ['rule'], order: 1 },
    apply: ':\n',
    check: ':\n',
  })
  const wall = control('wall', { kind: 'firewall', values: { rule: 'ports' } })
  assert.throws(
    () => renderHarden({ ...content, kinds }, [wall], { manager: 'apt', image: 'web', ports: [443] }),
    fails('CONFIG_INVALID', /ports 443 lack 22/),
  )
})

rendering.run()

const telling = suite('coverage and explain')

telling('counts what is covered, explained and missing, by OS', () => {
  const of = (os: 'debian-12' | 'debian-13') => coverage(content, 'own', os).rows.map((row) => row.status)
  assert.equal(of('debian-13'), ['covered', 'covered', 'manual', 'missing'])
  assert.equal(of('debian-12'), ['covered', 'missing', 'manual', 'missing'])
  assert.is(coverage(content, 'own', 'debian-12').counts.missing, 2)
  assert.throws(() => coverage(content, 'owm', 'debian-12'), fails('CONFIG_INVALID', /did you mean own/))
})

telling('explains a control', () => {
  const found = explain(content, 'own-script')
  assert.is(found.apply, 'does it')
  assert.is(found.checkFile, 'hardening/scripts/own-script/check.sh')
  assert.equal(found.profiles, ['base'])
  assert.equal(explain(content, 'zeta').requirements, [{ benchmark: 'own', id: 'R-1', title: 'first' }])
  assert.throws(() => explain(content, 'zetta'), fails('CONFIG_INVALID', /did you mean zeta/))
})

telling.run()
