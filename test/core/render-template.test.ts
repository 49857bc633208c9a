import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hclLiteral, renderTemplate } from '../../pipeline/core/render-template.ts'

const rendering = suite('render-template')

rendering('an HCL literal can start no template and no second line', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: HCL's own
  assert.is(hclLiteral('a "b" \\ ${c} %{d}\n'), '"a \\"b\\" \\\\ $${c} %%{d}\\n"')
  assert.is(hclLiteral('\u0000\u0007'), '"\\u0000\\u0007"')
  assert.is(hclLiteral(['a', 1, true]), '["a", 1, true]')
})

rendering("Packer's placeholders pass as data", () => {
  assert.is(renderTemplate('x = {{hcl x}}', { x: 'sh {{ .Path }}' }), 'x = "sh {{ .Path }}"')
})

rendering('a field that is not there is an error, never empty text', () => {
  assert.throws(() => renderTemplate('A={{sh missing}}', { other: 1 }))
})

rendering('a helper that nobody knows is an error', () => {
  assert.throws(() => renderTemplate('A={{raw x}}', { x: 1 }))
})

rendering.run()
