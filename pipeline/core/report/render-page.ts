import { createHash } from 'node:crypto'
import Handlebars from 'handlebars'
import { MintmarkError } from '../../errors.ts'

const engine = Handlebars.create()

/** `'sha256-...'`: the content-security-policy source of what stands between the tags, byte for byte. */
function hashOf(page: string, tag: 'style' | 'script'): string {
  const inside = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page)?.[1]
  if (inside === undefined) throw new MintmarkError('INTERNAL', `the page has no ${tag}`)
  return `'sha256-${createHash('sha256').update(inside).digest('base64')}'`
}

/**
 * Renders a page of templates/pages. Every value is escaped for HTML (a contract test forbids the forms that are not), and the
 * field `policy` becomes the content security policy: this page's own style and script by their hashes, and nothing else.
 * @throws MintmarkError INTERNAL for a page without style or script
 */
export function renderPage(source: string, data: Readonly<Record<string, unknown>>): string {
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(source, 'style')}`,
    `script-src ${hashOf(source, 'script')}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const template = engine.compile(source, { strict: true, knownHelpersOnly: true, preventIndent: true })
  return template({ ...data, policy })
}
