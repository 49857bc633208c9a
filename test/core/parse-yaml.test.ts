import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseYaml } from '../../pipeline/core/parse-yaml.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { Definition, notYetSupported } from '../../pipeline/model/definition.ts'
import { textOf } from '../helpers/sources.ts'

const parsing = suite('parse-yaml')
const good = textOf('images/debian-13.yaml')

/** The lines of the refusal; fails when the text is accepted. */
function refusal(text: string): readonly string[] {
  try {
    parseYaml(Definition, text, { path: 'images/x.yaml', notYetSupported })
  } catch (cause) {
    assert.instance(cause, MintmarkError)
    const error = cause as MintmarkError
    assert.is(error.code, 'CONFIG_INVALID')
    return error.lines
  }
  throw new Error('it was accepted')
}

parsing('the definitions of the checkout are accepted', () => {
  for (const name of ['debian-12', 'debian-13']) {
    const definition = parseYaml(Definition, textOf(`images/${name}.yaml`), { path: name, notYetSupported })
    assert.is(`${definition.os.family}-${definition.os.release}`, name)
  }
})

/** What is spoiled, and the one line that it is answered with. */
const spoiled: readonly (readonly [what: string, from: string, to: string, line: string])[] = [
  ['a misspelt field', 'owner:', 'ownr:', 'images/x.yaml:4:1 ownr is not a field; did you mean "owner"?'],
  [
    'a person as owner',
    'team-platform',
    'alice',
    'images/x.yaml:4:8 owner is "alice": an owner is a team, e.g. team-platform',
  ],
  ['an unknown release', '"13"', '"14"', 'images/x.yaml:5:31 os.release is "14": expected "12" or "13"'],
  [
    'a release that YAML reads as a number',
    '"13"',
    '13',
    'images/x.yaml:5:31 os.release is 13: expected "12" or "13"; write it in quotes: "13"',
  ],
  [
    'another family',
    'family: debian',
    'family: debain',
    'images/x.yaml:5:14 os.family is "debain": expected "debian"; did you mean "debian"?',
  ],
  [
    'an unknown source',
    'from: archive',
    'from: image',
    'images/x.yaml:6:14 base.from is "image": expected "archive"',
  ],
  [
    'an option in a package name',
    'curl, ',
    '"-o=x", ',
    'images/x.yaml:8:20 content.packages.add.0 is "-o=x": a Debian package name, e.g. chrony',
  ],
  [
    'a port out of range',
    'ports: [22]',
    'ports: [22, 70000]',
    'images/x.yaml:9:15 content.ports.1 is 70000: Too big: expected number to be <=65535',
  ],
  [
    'a disk that is too small',
    'size: 4G',
    'size: 1G',
    'images/x.yaml:13:14 disk.size is "1G": a size of at least 3G, e.g. 4G',
  ],
  [
    'a field of a later version',
    'machine: {firmware: bios}',
    'machine: {firmware: bios, tpm: true}',
    'images/x.yaml:14:27 machine.tpm is not supported by this version yet: remove it',
  ],
  [
    'a target that is not there yet',
    'targets: {qemu: {}}',
    'targets: {qemu: {}, aws: {}}',
    'images/x.yaml:16:21 targets.aws is not supported by this version yet: remove it',
  ],
  ['no target', 'targets: {qemu: {}}', 'targets: {}', 'images/x.yaml:16:10 targets.qemu is missing'],
  [
    'a field twice',
    'owner: team-platform',
    'owner: team-platform\nowner: team-two',
    'images/x.yaml:5:1 Map keys must be unique',
  ],
]

for (const [what, from, to, line] of spoiled) {
  parsing(`refuses ${what}`, () => {
    assert.ok(good.includes(from), `the fixture has ${from}`)
    assert.equal(refusal(good.replace(from, to)), [line])
  })
}

parsing('an exception needs a reason, a team and a day', () => {
  const lines = refusal(
    good.replace(
      'exceptions: []',
      'exceptions: [{control: sshd-x, reason: short, owner: bob, expires: 2027-02-30}]',
    ),
  )
  assert.equal(
    lines.map((line) => line.replace(/^\S+ /, '')),
    [
      'hardening.exceptions.0.reason is "short": say why, in at least 10 characters',
      'hardening.exceptions.0.owner is "bob": an owner is a team, e.g. team-platform',
      'hardening.exceptions.0.expires is "2027-02-30": Invalid ISO date',
    ],
  )
})

parsing('all problems are told at once', () => {
  assert.is(
    refusal(good.replace('schema: 1', 'schema: 2').replace('size: 4G', 'size: huge').replace('[22]', '[0]'))
      .length,
    3,
  )
})

parsing('what is no YAML is told with its place', () => {
  const [line = ''] = refusal('schema: 1\nowner: [\n')
  assert.match(line, /^images\/x\.yaml:\d+:\d+ /)
})

parsing.run()
