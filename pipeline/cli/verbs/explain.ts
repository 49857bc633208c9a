import { type Explanation, explain } from '../../core/hardening/explain.ts'
import { MintmarkError } from '../../errors.ts'
import { loadHardening } from '../../stages/load-hardening.ts'
import type { RunVerb } from '../verb.ts'

const where = {
  sealed: 'in the image file',
  running: 'in a running instance',
  both: 'in the image file and in a running instance',
} as const

function text(found: Explanation): string {
  const { control } = found
  const row = (values: Readonly<Record<string, string>>): string =>
    Object.entries(values)
      .map(([column, value]) => `${column}: ${value}`)
      .join('   ')
  // A label stands once, before the first of its lines.
  const labelled = (label: string, lines: readonly string[]): readonly string[] =>
    lines.map((line, index) => `${(index === 0 ? label : '').padEnd(11)}${line}`)
  const doing = (file: string, what: string): string => (what === '' ? file : `${what} (${file})`)
  return [
    `${control.id}: ${control.title}`,
    '',
    `  ${control.why}`,
    '',
    ...labelled('severity', [control.severity]),
    ...labelled('for', [control.os.join(', ')]),
    ...(found.renderedOnly.length === 0
      ? []
      : labelled('not booted', [`${found.renderedOnly.join(', ')}: rendered and checked only`])),
    ...labelled('checked', [where[control.holds]]),
    ...labelled('profiles', [found.profiles.join(', ') || 'none']),
    ...labelled('kind', [`${control.kind}: ${found.kindTitle}`]),
    ...labelled('values', found.rows.map(row)),
    ...labelled(
      'covers',
      found.requirements.map((item) => `${item.benchmark} ${item.id}: ${item.title}`),
    ),
    ...labelled('writes', [doing(found.applyFile, found.apply)]),
    ...labelled('reads', [doing(found.checkFile, found.check)]),
  ].join('\n')
}

/** `explain CONTROL`: why it is there, what it sets, and what looks whether it holds. */
export const run: RunVerb = async ({ world, args }) => {
  const [id] = args
  if (id === undefined) {
    throw new MintmarkError('USAGE', 'explain needs a control', { hint: './mintmark explain ssh-root-login' })
  }
  const found = explain(await loadHardening(world), id)
  world.report.result(text(found), found)
  return undefined
}
