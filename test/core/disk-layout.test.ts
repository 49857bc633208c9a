import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDiskLayout } from '../../pipeline/core/disk-layout.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { Definition } from '../../pipeline/model/definition.ts'

const layout = suite('disk layout')

const said = (disk: Definition['disk'], base: unknown = { from: 'archive' }): string => {
  const definition = Definition.parse({
    schema: 1,
    owner: 'team-platform',
    os: { family: 'debian', release: '13', arch: ['x86_64'] },
    base,
    hardening: { profiles: ['baseline'] },
    disk,
    targets: { qemu: {} },
  })
  try {
    checkDiskLayout('web', definition)
  } catch (cause) {
    return cause instanceof MintmarkError ? `${cause.code} ${cause.message}` : String(cause)
  }
  return 'taken'
}

layout('a disk that the layout does not fit on is refused, with the least size', () => {
  assert.is(said({ size: '3G', layout: 'simple' }), 'taken')
  assert.is(said({ size: '8G', layout: 'cis' }), 'taken')
  assert.is(said({ size: '10G', layout: 'cis' }), 'taken')
  assert.is(
    said({ size: '7G', layout: 'cis' }),
    'CONFIG_INVALID images/web.yaml disk.size is "7G": the layout cis needs at least 8G',
  )
})

layout("a publisher's image keeps its layout", () => {
  assert.match(
    said({ size: '8G', layout: 'cis' }, { from: 'image' }),
    /^CONFIG_INVALID .* official image keeps/,
  )
  assert.is(said({ size: '8G', layout: 'simple' }, { from: 'image' }), 'taken')
})

layout.run()
