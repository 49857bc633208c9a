import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { regionsToCome } from '../../pipeline/core/regional-copies.ts'
import type { Definition } from '../../pipeline/model/definition.ts'

const it = suite('regional-copies')

it('regions of the definition without an image are to come; of a file none are', () => {
  const targets = { aws: { regions: ['us-east-1', 'us-west-2', 'eu-west-1'] } } as Definition['targets']
  const home = { region: 'us-east-1' }
  assert.equal(regionsToCome({ targets }, [home]), ['us-west-2', 'eu-west-1'])
  assert.equal(regionsToCome({ targets }, [home, { region: 'us-west-2' }, { region: 'eu-west-1' }]), [])
  // One that has it although nobody names it any more is not asked for.
  assert.equal(regionsToCome({ targets: {} as Definition['targets'] }, [home]), [])
  assert.equal(regionsToCome({ targets }, []), [])
})

it.run()
