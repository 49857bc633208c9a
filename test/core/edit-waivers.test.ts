import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { putWaiver } from '../../pipeline/core/edit-waivers.ts'
import { parseYaml } from '../../pipeline/core/parse-yaml.ts'
import { subjectOf } from '../../pipeline/core/waivers.ts'
import { Waiver, WaiverFile, WaiverStatus } from '../../pipeline/model/gate.ts'
import { waiver } from '../helpers/gate-input.ts'

const test = suite('edit-waivers')

const read = (text: string): readonly Waiver[] => parseYaml(WaiverFile, text, { path: 'x.yaml' }).waivers

test('a new file, a second waiver, the same again', () => {
  const first = putWaiver(null, waiver())
  assert.ok(first.changed && first.was === null)
  assert.equal(read(first.text), [waiver()])
  assert.match(first.text, /\$schema=schema\.json\n/)
  const second = putWaiver(first.text, waiver({ package: 'libssl3' }))
  assert.equal(read(second.text), [waiver(), waiver({ package: 'libssl3' })])
  assert.ok(second.text.startsWith(first.text.trimEnd()))
  const same = putWaiver(second.text, waiver())
  assert.is(same.text, second.text)
  assert.not.ok(same.changed)
})

test('comments, order and the neighbours stay as they are', () => {
  const text = `# ours
schema: 1
waivers:
  # the old kernel module
  - {vulnerability: CVE-2026-1, package: openssl, status: affected, reason: the module is not loaded, owner: team-security, expires: 2027-03-31} # see the wiki
  - vulnerability: CVE-2026-2 # second
    package: bash
    status: fixed
    reason: >-
      patched by our own build
    owner: team-security
    expires: 2027-01-01
`
  const { text: now, was } = putWaiver(text, waiver({ expires: '2027-06-30', status: 'not_affected' }))
  assert.equal(was, waiver())
  assert.is(
    now,
    text.replace(
      /- \{.*\}/,
      '- {vulnerability: CVE-2026-1, package: openssl, status: not_affected, reason: the module is not loaded, owner: team-security, expires: 2027-06-30}',
    ),
  )
})

test('one that is for one image and one that is for all are two', () => {
  const { text } = putWaiver(putWaiver(null, waiver()).text, waiver({ image: 'web' }))
  assert.equal(read(text), [waiver(), waiver({ image: 'web' })])
})

test('whatever the reason says, it is read as it was written', () => {
  const reasons = fc
    .oneof(fc.string({ minLength: 10 }), fc.string({ minLength: 10, unit: 'binary' }))
    .filter((text) => Waiver.shape.reason.safeParse(text).success && !/[\uFFFD\uFEFF]|\p{Cs}/u.test(text))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(reasons, fc.constantFrom(...WaiverStatus.options)), { minLength: 1, maxLength: 3 }),
      (rows) => {
        const wanted = new Map<string, Waiver>()
        let text: string | null = null
        for (const [index, [reason, status]] of rows.entries()) {
          const item = waiver({ reason, status, vulnerability: `CVE-2026-${index % 2}` })
          wanted.set(subjectOf(item), item)
          text = putWaiver(text, item).text
        }
        assert.equal(read(text ?? ''), [...wanted.values()])
      },
    ),
    { numRuns: 40 },
  )
})

test('a reason with what no file may hold is refused before it is written', () => {
  for (const sign of ['\0', '\u007f', '\u0085', '\u202e', '\r'])
    assert.is(Waiver.safeParse({ ...waiver(), reason: `the module is${sign} not loaded` }).success, false)
  assert.is(Waiver.safeParse({ ...waiver(), reason: 'the module\n\tis not loaded' }).success, true)
})

test.run()
