import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { versionText } from '../../pipeline/cli/version.ts'
import { nodeFiles } from '../../pipeline/ports/files.ts'
import { textOf } from '../helpers/sources.ts'
import { checkout } from '../helpers/world.ts'

const it = suite('--version')

it('name and version, for people and as JSON', async () => {
  const { version } = JSON.parse(textOf('package.json')) as { readonly version: string }
  assert.is(await versionText(nodeFiles, checkout, false), `mintmark ${version}\n`)
  assert.is(await versionText(nodeFiles, checkout, true), `{"name":"mintmark","version":"${version}"}\n`)
  assert.is(await versionText(nodeFiles, '/nowhere', false), 'mintmark unknown\n')
})

it.run()
