import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDefinition } from '../../pipeline/core/check-definition.ts'
import { NewImage, newDefinition } from '../../pipeline/core/new-definition.ts'
import { parseYaml } from '../../pipeline/core/parse-yaml.ts'
import { Definition, notYetSupported, PackageName } from '../../pipeline/model/definition.ts'

const writing = suite('new-definition')

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,2}$/)
const told: fc.Arbitrary<NewImage> = fc.record({
  name: word,
  os: fc.constantFrom('debian-12', 'debian-13'),
  base: fc.oneof(
    fc.constantFrom('archive', 'image'),
    fc.tuple(word, word).map(([image, channel]) => `corp-${image}@${channel}`),
  ),
  owner: word.map((name) => `team-${name}`),
  packages: fc.array(
    fc.oneof(
      fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{1,20}$/).filter((name) => PackageName.safeParse(name).success),
      fc.constantFrom('null', 'true', 'no', '0ad', '7zip', '1e3', '10'),
    ),
    { maxLength: 5 },
  ),
  ports: fc.array(fc.integer({ min: 1, max: 65535 }), { maxLength: 5 }),
  profile: fc.oneof(word, fc.constantFrom('null', 'true', 'no')),
  layout: fc.constantFrom('simple', 'cis'),
  size: fc.integer({ min: 3, max: 999 }).map((size) => `${size}G`),
})

writing('what is written is a valid definition, and says what was told', () => {
  fc.assert(
    fc.property(told, (image) => {
      assert.ok(NewImage.safeParse(image).success)
      const definition = parseYaml(Definition, newDefinition(image), {
        path: 'x',
        notYetSupported,
        check: (value) => checkDefinition(value, { image: image.name, teams: null, policies: null }),
      })
      assert.equal(definition.content.packages.add, [...new Set(image.packages)])
      assert.equal(new Set(definition.content.ports), new Set([22, ...image.ports]))
      assert.is(`${definition.os.family}-${definition.os.release}`, image.os)
      assert.is(definition.owner, image.owner)
      assert.equal(definition.hardening.profiles, [image.profile])
      assert.equal(definition.disk, { size: image.size, layout: image.layout })
      const { base } = definition
      assert.is('from' in base ? base.from : `${base.image}@${base.channel}`, image.base)
    }),
    { numRuns: 300 },
  )
})

writing('the fields that it shows in comments are valid as well, when they are taken in', () => {
  const image: NewImage = {
    name: 'web',
    os: 'debian-13',
    base: 'archive',
    owner: 'team-platform',
    packages: ['nginx'],
    ports: [443],
    profile: 'baseline',
    layout: 'simple',
    size: '4G',
  }
  const text = newDefinition(image)
    .replace('  exceptions: []\n', '')
    .replace('channels: {nightly: {}}\n', '')
    .replace(/^( *)# ((?:files|steps|secrets|exceptions|test|channels): [[{].*)$/gm, '$1$2')
  const definition = parseYaml(Definition, text, {
    path: 'x',
    check: (value) => checkDefinition(value, { image: 'web', teams: null, policies: null }),
  })
  assert.is(definition.content.files.length, 1)
  assert.is(definition.content.steps.length, 1)
  assert.is(definition.test.length, 2)
  assert.is(definition.hardening.exceptions.length, 1)
  assert.equal(Object.keys(definition.channels), ['nightly', 'stable'])
})

writing.run()
