import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run as rollbackVerb } from '../../pipeline/cli/verbs/rollback.ts'
import { run as verifyVerb } from '../../pipeline/cli/verbs/verify.ts'
import { findRelease } from '../../pipeline/stages/read-release.ts'
import { channelWorld, released } from '../helpers/channel-world.ts'
import { approve, promote, told } from '../helpers/promote-by-verb.ts'
import { refusal } from '../helpers/refusal.ts'

const it = suite('promotion needs')
const place = { image: 'debian-13', channel: 'stable', variant: 'qemu-x86_64' }

it('what was approved once and rolled back has to be looked at anew', async () => {
  const at = await channelWorld('{stable: {needs: {approvals: 1}}}')
  try {
    for (const [runId, version] of [
      ['r-1', '1.0.0'],
      ['r-2', '1.0.1'],
    ] as const) {
      await released(at.world, runId)
      await approve(at, at.world, `debian-13@${version}`, 'bob')
      assert.is((await promote(at, at.world, [`debian-13@${version}`, 'stable'])).code, 0)
    }
    await rollbackVerb({
      world: at.world,
      args: ['debian-13', 'stable'],
      options: { reason: 'broken', by: 'carol' },
    })
    const spent = await promote(at, at.world, ['debian-13@1.0.1', 'stable'], { dryRun: true })
    assert.match(spent.text, /✗ {2}approvals {8}0 of 1/)
    assert.match(spent.text, /the approval of bob does not count: bob approved it before it was rolled back/)
    await approve(at, at.world, 'debian-13@1.0.1', 'bob')
    assert.is((await promote(at, at.world, ['debian-13@1.0.1', 'stable'])).code, 0)
  } finally {
    await at.box.close()
  }
})

it("a pointer that no history backs is nobody's", async () => {
  const at = await channelWorld()
  await released(at.world, 'r-1')
  const { statement, record } = await findRelease(at.world, 'debian-13')
  const pointer = {
    schema: 1,
    ...place,
    version: '1.0.0',
    sha256: statement.predicate.artifact.sha256,
    record,
    moved: '2026-11-22T03:00:00.000Z',
  }
  await at.world.catalog.createOnly('channels/debian-13/stable/qemu-x86_64.json', JSON.stringify(pointer))
  assert.is((await told(at, verifyVerb, at.world, ['debian-13@stable'])).code, 9)
  const error = await refusal(promote(at, at.world, ['debian-13', 'stable'], { dryRun: true }))
  assert.is(error.code, 'VERIFY_FAILED')
  assert.match(error.lines.join('\n'), /stable → 1\.0\.0, but it has no history: somebody moved it by hand/)
  await at.box.close()
})

it.run()
