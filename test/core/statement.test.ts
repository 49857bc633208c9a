import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canonicalJson } from '../../pipeline/core/digest.ts'
import { parsePayload, parsePointer, summariseControls } from '../../pipeline/core/statement.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import type { ControlStatus } from '../../pipeline/model/hardening.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { fixtureRelease } from '../helpers/release-fixture.ts'
import { testWorld } from '../helpers/world.ts'

const it = suite('statement')

const result = (control: string, status: ControlStatus) => ({ control, status, expected: 'x', found: 'y' })

it('counts a control once, by its worst result', () => {
  const results = [
    result('always-good', 'pass'),
    result('always-good', 'pass'),
    result('bad-once', 'pass'),
    result('bad-once', 'fail'),
    result('bad-once', 'error'),
    result('unseen-once', 'error'),
    result('unseen-once', 'pass'),
    result('good-where-it-applies', 'notapplicable'),
    result('good-where-it-applies', 'pass'),
    result('for-others', 'notapplicable'),
  ]
  assert.equal(summariseControls([], results), { total: 5, pass: 2, fail: 1, error: 1, notapplicable: 1 })
})

it('counts a control that nobody looked at as an error', () => {
  assert.equal(summariseControls(['a', 'b'], [result('a', 'pass')]), {
    total: 2,
    pass: 1,
    fail: 0,
    error: 1,
    notapplicable: 0,
  })
})

const refused = (work: () => unknown): boolean => {
  try {
    work()
    return false
  } catch (cause) {
    return cause instanceof MintmarkError && cause.code === 'VERIFY_FAILED'
  }
}

it('refuses payloads that are no statement of ours', () => {
  const bodies = ['', 'null', '{}', '{"_type":"https://in-toto.io/Statement/v1"}', '\u0000']
  for (const body of bodies)
    assert.ok(
      refused(() => parsePayload(Buffer.from(body))),
      body,
    )
})

it('takes a statement of before a field was there, as it was written', async () => {
  const { world, close } = await testWorld()
  try {
    await fixtureRelease(world)
    const { statement } = await findRelease(world, 'debian-13')
    const { waived: _waived, knownExploited: _list, emergency: _none, ...gate } = statement.predicate.gate
    const old = { ...statement, predicate: { ...statement.predicate, gate } }
    assert.equal(parsePayload(Buffer.from(canonicalJson(old))), statement)
    assert.ok(refused(() => parsePayload(Buffer.from(JSON.stringify(old, null, 1)))))
  } finally {
    await close()
  }
})

const pointer = {
  schema: 1,
  image: 'debian-13',
  channel: 'nightly',
  variant: 'qemu-x86_64',
  version: '1.0.0',
  sha256: 'ab'.repeat(32),
  record: 'cd'.repeat(32),
  moved: '2026-11-22T03:00:00.000Z',
}

it('takes a pointer only from the place that it names', () => {
  const key = 'channels/debian-13/nightly/qemu-x86_64.json'
  assert.equal(parsePointer(canonicalJson(pointer), key), pointer)
  assert.ok(refused(() => parsePointer(canonicalJson(pointer), 'channels/debian-13/stable/qemu-x86_64.json')))
  assert.ok(refused(() => parsePointer(canonicalJson({ ...pointer, extra: 1 }), key)))
  assert.ok(refused(() => parsePointer('{', key)))
})

it.run()
