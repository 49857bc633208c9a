import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatOutputs, type Outputs } from '../../pipeline/core/outputs.ts'
import { MintmarkError } from '../../pipeline/errors.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const it = suite<{ box: TestWorld }>('outputs')

it.before(async (context) => {
  context.box = await testWorld()
})
it.after((context) => context.box.close())

const outputs: Outputs = {
  image: 'debian-13',
  version: '1.0.0',
  channel: 'nightly',
  sha256: 'ab'.repeat(32),
  path: '/var/lib/images/ab',
  size: 238_000_000,
  format: 'qcow2',
  login: 'debian',
}

it('prints JSON with every value', () => {
  assert.equal(JSON.parse(formatOutputs(outputs, 'json')), outputs)
})

it('prints one aligned tfvars line a value', () => {
  assert.is(
    formatOutputs({ ...outputs, channel: null }, 'tfvars'),
    [
      'image_name    = "debian-13"',
      'image_version = "1.0.0"',
      'image_channel = null',
      `image_sha256  = "${'ab'.repeat(32)}"`,
      'image_path    = "/var/lib/images/ab"',
      'image_size    = 238000000',
      'image_format  = "qcow2"',
      'image_login   = "debian"',
    ].join('\n'),
  )
})

it('switches off everything that HCL would read in a string', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Terraform's template, not ours
  const hostile = { ...outputs, path: '/a"b\\c${var.x}%{if true}$HOME' }
  assert.match(formatOutputs(hostile, 'tfvars'), '"/a\\"b\\\\c$${var.x}%%{if true}$HOME"')
})

it('survives a shell, whatever is in a path', async ({ box }) => {
  const path = fc.string({ unit: 'grapheme-ascii', maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(path, async (text) => {
      const script = `${formatOutputs({ ...outputs, path: text }, 'env')}\nprintf %s "$MINTMARK_IMAGE_PATH"\n`
      const { stdout } = await box.world.exec.run(['sh', '-eu'], { input: script })
      assert.is(stdout, text)
    }),
    { numRuns: 10, examples: [["it's"], ["'"], ['$(id)`id`'], ['\\']] },
  )
})

it('refuses what no format can say', () => {
  for (const format of ['env', 'tfvars'] as const) {
    assert.throws(
      () => formatOutputs({ ...outputs, path: '/a\nb' }, format),
      (error: unknown) => error instanceof MintmarkError && error.code === 'USAGE',
    )
  }
})

it.run()
