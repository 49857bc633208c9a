import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  compareLooks,
  eventKey,
  eventsPrefix,
  isEventKey,
  verdictDigest,
} from '../../pipeline/core/events.ts'
import { changeLines, changesInShort } from '../../pipeline/core/render-rescan.ts'
import type { Finding } from '../../pipeline/model/stages.ts'
import { rescanned } from '../helpers/events.ts'

const it = suite('events, pure')

const finding = (id: string, more: Partial<Finding> = {}): Finding => ({
  id,
  package: 'openssl',
  installed: '3.0.1',
  fixed: null,
  severity: 'LOW',
  title: '',
  ...more,
})

it('what is new, has a fix now, is rated anew, is gone', () => {
  const changes = compareLooks(
    [finding('CVE-1'), finding('CVE-2'), finding('CVE-3'), finding('CVE-5')],
    [
      finding('CVE-1', { fixed: '3.0.2' }),
      finding('CVE-2', { severity: 'CRITICAL' }),
      finding('CVE-4', { severity: 'HIGH', fixed: '3.0.2' }),
      finding('CVE-5'),
    ],
  )
  assert.equal(changeLines(changes), [
    'new      CVE-4  openssl  high, fixed in 3.0.2',
    'fixable  CVE-1  openssl  low, now fixed in 3.0.2',
    'rated    CVE-2  openssl  critical, was low; no fix yet',
    'gone     CVE-3  openssl  low',
  ])
  assert.is(changesInShort(changes), '1 new, 1 with a fix now, 1 rated anew, 1 gone')
})

it('many are cut off, the worst are shown', () => {
  const many = Array.from({ length: 30 }, (_, index) => finding(`CVE-${index}`))
  const lines = changeLines(compareLooks([], [...many, finding('CVE-99', { severity: 'CRITICAL' })]))
  assert.is(lines.length, 11)
  assert.match(lines[0] ?? '', /CVE-99/)
  assert.match(lines[10] ?? '', /21 more/)
  assert.equal(changeLines(compareLooks(many, [...many].reverse())), [])
})

it('each finding of either look is counted once, and the same look twice has no change', () => {
  const some = fc.uniqueArray(
    fc.record({
      id: fc.constantFrom('CVE-1', 'CVE-2', 'CVE-3', 'CVE-4'),
      package: fc.constantFrom('a', 'b'),
      installed: fc.constant('1'),
      fixed: fc.constantFrom(null, '2'),
      severity: fc.constantFrom('LOW', 'HIGH'),
      title: fc.constant(''),
    }),
    { selector: ({ id, package: name }) => `${id} ${name}` },
  )
  fc.assert(
    fc.property(some, some, (before, after) => {
      const changes = compareLooks(before, after)
      assert.is(after.length - before.length, changes.new.length - changes.gone.length)
      const same = compareLooks(after, after)
      assert.equal(same, { new: [], fixable: [], gone: [], rated: [] })
    }),
  )
})

it('keys sort as the numbers do', () => {
  const place = { image: 'debian-13', version: '1.0.0', variant: 'qemu-x86_64' }
  assert.is(eventKey(eventsPrefix(place), 7), 'releases/debian-13/1.0.0/qemu-x86_64/events/000007.dsse.json')
  assert.ok(eventKey(eventsPrefix(place), 9) < eventKey(eventsPrefix(place), 10))
  assert.ok(isEventKey(eventKey(eventsPrefix(place), 123456)))
})

it('a verdict is the same one when policy, reasons and waivers are; counts and lists may move', () => {
  const { gate } = rescanned(1).data
  const same = { ...gate, counts: { HIGH: { fixable: 0, unfixed: 9 } } }
  assert.is(verdictDigest(same), verdictDigest(gate))
  const other = { ...gate, policy: { name: 'strict', sha256: gate.policy.sha256 } }
  assert.is.not(verdictDigest(other), verdictDigest(gate))
  const reasons = [{ kind: 'finding' as const, id: 'CVE-1', text: '', mend: '' }]
  assert.is.not(verdictDigest({ ...gate, verdict: 'rejected', reasons }), verdictDigest(gate))
})

it.run()
