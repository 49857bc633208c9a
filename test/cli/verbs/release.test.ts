import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { judgementNotes } from '../../../pipeline/cli/judgement-notes.ts'
import { parse } from '../../../pipeline/cli/parse.ts'
import { run } from '../../../pipeline/cli/verbs/release.ts'
import { evaluateGate } from '../../../pipeline/core/evaluate-gate.ts'
import type { MintmarkError } from '../../../pipeline/errors.ts'
import { good, kept } from '../../helpers/gate-input.ts'
import { testWorld } from '../../helpers/world.ts'

const it = suite('release, as a verb')

it('an emergency has a reason, and a reason an emergency', async () => {
  const { world, close } = await testWorld()
  try {
    for (const argv of [['--emergency'], ['--emergency', '--reason', ' '], ['--reason', 'because']]) {
      const parsed = await parse(['release', 'debian-13', ...argv])
      assert.ok(parsed.kind === 'verb')
      try {
        await run({ world, args: parsed.args, options: parsed.options })
        assert.unreachable()
      } catch (cause) {
        assert.is((cause as MintmarkError).code, 'USAGE', (cause as Error).message)
      }
    }
  } finally {
    await close()
  }
})

it('its last lines say what nobody may overlook', () => {
  const decision = evaluateGate(good)
  assert.equal(judgementNotes(decision), [])
  const { waiver, file } = kept()
  const row = { ...waiver, installed: '1', file }
  assert.equal(
    judgementNotes({
      ...decision,
      waived: [row, { ...row, package: 'libssl3' }],
      emergency: {
        reason: 'sshd is\nattacked',
        comparedWith: 'web@1.8.2 of stable',
        shipped: ['CVE-2026-2 bash', 'CVE-2026-3 bash'],
      },
    }),
    [
      'EMERGENCY: it has what policy default rejects (CVE-2026-2 bash, CVE-2026-3 bash), no worse than web@1.8.2 of stable; recorded with the reason: sshd is\\u{000A}attacked',
      'waived: CVE-2026-1',
    ],
  )
})

it.run()
