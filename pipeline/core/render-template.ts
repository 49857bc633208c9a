import Handlebars from 'handlebars'
import { MintmarkError } from '../errors.ts'
import { canonicalJson } from './digest.ts'
import { asUtf8, shellQuote, unholdable } from './quote.ts'

/**
 * A string, finite number, boolean, or list of such, as an HCL2 expression that evaluates to the same value.
 * @throws MintmarkError CONFIG_INVALID for half a surrogate pair, and for text that HCL would replace by its composed form
 */
export function hclLiteral(value: unknown): string {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
    return String(value)
  if (Array.isArray(value)) return `[${value.map(hclLiteral).join(', ')}]`
  if (typeof value !== 'string') throw new MintmarkError('INTERNAL', `no HCL literal for a ${typeof value}`)
  asUtf8(value, 'HCL')
  if (value !== value.normalize('NFC')) throw unholdable(value, 'a decomposed character', 'HCL')
  let text = ''
  for (const char of value) {
    const code = char.codePointAt(0) ?? 0
    if (char === '"' || char === '\\') text += `\\${char}`
    else if (char === '\n') text += '\\n'
    else if (char === '\r') text += '\\r'
    else if (char === '\t') text += '\\t'
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) text += `\\u${code.toString(16).padStart(4, '0')}`
    else text += char
  }
  // `${` and `%{` would start a template inside an HCL string.
  return `"${text.replaceAll('${', () => '$${').replaceAll('%{', '%%{')}"`
}

/** Handlebars' strict mode does not look at a helper's arguments: a field that is missing arrives as undefined. */
function given(value: unknown): unknown {
  if (value === undefined || value === null)
    throw new MintmarkError('INTERNAL', 'a template asks for a field that is not there')
  return value
}

/** What YAML's readers refuse or take for the end of a line, though JSON may hold it as it is. */
const oddInYaml = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g

const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => [key, ...textsIn(item)])
}

/**
 * JSON that a reader of YAML takes for the same value.
 * @throws MintmarkError CONFIG_INVALID for half a surrogate pair
 */
export function jsonLiteral(value: unknown): string {
  for (const text of textsIn(value)) asUtf8(text, 'JSON')
  return canonicalJson(value).replace(
    oddInYaml,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const shellWord = (value: unknown): string =>
  shellQuote(Array.isArray(value) ? value.map(String).join(' ') : String(value))

const engine = Handlebars.create()
engine.registerHelper('hcl', (value: unknown) => hclLiteral(given(value)))
engine.registerHelper('sh', (value: unknown) => shellWord(given(value)))
engine.registerHelper('json', (value: unknown) => jsonLiteral(given(value)))

/**
 * Renders to HCL, sh or JSON. Values appear only through the helpers `hcl`, `sh` and `json`, which escape for their language
 * (a contract test holds that, and that they stand in the header only).
 * @throws MintmarkError INTERNAL when the template asks for a field that is not there
 */
export function renderTemplate(source: string, data: Readonly<Record<string, unknown>>): string {
  const template = engine.compile(source, {
    strict: true,
    noEscape: true,
    knownHelpersOnly: true,
    knownHelpers: { hcl: true, sh: true, json: true },
    preventIndent: true,
  })
  return template(data)
}
