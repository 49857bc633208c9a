import { createHash } from 'node:crypto'
import Handlebars from 'handlebars'

const engine = Handlebars.create()

/** `'sha256-...'`: the content-security-policy source of what stands between the tags, byte for byte; null without them. */
function hashOf(page: string, tag: 'style' | 'script'): string | null {
  const inside = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page)?.[1]
  if (inside === undefined) return null
  return `'sha256-${createHash('sha256').update(inside).digest('base64')}'`
}

/**
 * Renders a page of templates/pages. Every value is escaped for HTML (a contract test forbids the forms that are not), and the
 * field `policy` becomes the content security policy: this page's own style and script by their hashes, and nothing else.
 */
export function renderPage(source: string, data: Readonly<Record<string, unknown>>): string {
  const style = hashOf(source, 'style')
  const script = hashOf(source, 'script')
  const policy = [
    "default-src 'none'",
    ...(style === null ? [] : [`style-src ${style}`]),
    ...(script === null ? [] : [`script-src ${script}`]),
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const template = engine.compile(source, { strict: true, knownHelpersOnly: true, preventIndent: true })
  return template({ ...data, policy })
}
