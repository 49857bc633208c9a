import Handlebars from 'handlebars'
import { MintmarkError } from '../errors.ts'
import { canonicalJson } from './digest.ts'
import { shellQuote } from './quote.ts'

/** A string, number, boolean, or list or map of such, as an HCL2 expression that evaluates to the same value. */
export function hclLiteral(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return `[${value.map(hclLiteral).join(', ')}]`
  if (typeof value !== 'string') throw new MintmarkError('INTERNAL', `no HCL literal for a ${typeof value}`)
  let text = ''
  for (const char of value) {
    const code = char.codePointAt(0) ?? 0
    if (char === '"' || char === '\\') text += `\\${char}`
    else if (char === '\n') text += '\\n'
    else if (char === '\r') text += '\\r'
    else if (char === '\t') text += '\\t'
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000))
      text += `\\u${code.toString(16).padStart(4, '0')}`
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

const shellWord = (value: unknown): string =>
  shellQuote(Array.isArray(value) ? value.map(String).join(' ') : String(value))

const engine = Handlebars.create()
engine.registerHelper('hcl', (value: unknown) => hclLiteral(given(value)))
engine.registerHelper('sh', (value: unknown) => shellWord(given(value)))
engine.registerHelper('json', (value: unknown) => canonicalJson(given(value)))

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
