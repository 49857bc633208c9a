import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Definition, offeredTargets } from '../../pipeline/model/definition.ts'
import { chooseTarget, targetOf } from '../../pipeline/stages/choose-target.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { plainDefinition } from '../helpers/plain-definition.ts'
import { refusal } from '../helpers/refusal.ts'
import { pathsBelow, textOf } from '../helpers/sources.ts'

const choosing = suite('choose-target')

const image = 'debian-13'
const one = plainDefinition()
const both: Definition = { ...one, targets: { ...one.targets, ...{ aws: {} } } as Definition['targets'] }
const known = { ...targets, aws: { ...targets.qemu, id: 'aws' as const } }
const choose = (definition: Definition, asked: string | null) =>
  chooseTarget({ image, definition, asked }, known)
const refused = (definition: Definition, asked: string | null) =>
  refusal(Promise.resolve().then(() => choose(definition, asked)))

choosing('the only one without asking; of several the one that is named', () => {
  assert.is(choose(one, null).id, 'qemu')
  assert.is(choose(one, 'qemu').id, 'qemu')
  assert.is(choose(both, 'aws').id, 'aws')
  assert.is(choose(both, 'qemu').id, 'qemu')
})

choosing('of several none is guessed', async () => {
  const error = await refused(both, null)
  assert.is(error.code, 'USAGE')
  assert.is(error.message, 'images/debian-13.yaml names qemu, aws, and --target says for which of them')
  assert.is(error.hint, 'give one: --target qemu or --target aws')
})

choosing('one that the definition does not name, with what was meant', async () => {
  const error = await refused(one, 'aws')
  assert.is(error.code, 'USAGE')
  assert.is(error.message, 'the target is "aws", and images/debian-13.yaml names qemu')
  assert.is(
    error.hint,
    'add targets.aws to images/debian-13.yaml (README.md says how), or give --target qemu',
  )
  assert.match((await refused(both, 'qemo')).message, /"qemo".*did you mean "qemu"\?$/)
})

choosing('one that this version does not have is told, not left undefined', async () => {
  const { aws: _, ...fewer } = known
  const error = await refusal(Promise.resolve().then(() => targetOf('aws', fewer)))
  assert.is(error.code, 'USAGE')
  assert.is(error.hint, 'it has: qemu')
})

choosing('a definition may name what the registry has, and nothing else', () => {
  assert.equal([...offeredTargets].sort(), Object.keys(targets).sort())
})

choosing('no stage and no verb asks which target it has', () => {
  // What runs without a definition is of this machine: its doctor, and a file that somebody boots.
  const ofThisMachine = ['pipeline/cli/verbs/doctor.ts', 'pipeline/stages/find-bootable.ts']
  const asks = /\btargets\.(?:qemu|aws)\b|\btargetOf\('|\.id [!=]== '|\btarget [!=]== '/
  const found = pathsBelow('pipeline', (path) => /\/(?:stages|cli)\/.*\.ts$/.test(path)).filter(
    (path) => !ofThisMachine.includes(path) && asks.test(textOf(path)),
  )
  assert.equal(found, [])
})

choosing.run()
