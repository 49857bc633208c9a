import type { Control, ControlOs } from '../../model/hardening.ts'
import { systems } from '../systems.ts'
import { type HardeningContent, rowsOf } from './content.ts'
import { scriptKind, scriptOf } from './render-hardening.ts'
import { controlOf } from './select-controls.ts'

export interface Explanation {
  readonly control: Control
  /** Those of its systems that mintmark's own tests have never booted. */
  readonly renderedOnly: readonly ControlOs[]
  /** The rows that the kind's scripts get. */
  readonly rows: readonly Readonly<Record<string, string>>[]
  readonly kindTitle: string
  /** The files of this checkout that do it. */
  readonly applyFile: string
  readonly checkFile: string
  /** What apply writes and what check reads; for a script, its own first comment. */
  readonly apply: string
  readonly check: string
  readonly profiles: readonly string[]
  readonly requirements: readonly {
    readonly benchmark: string
    readonly id: string
    readonly title: string
  }[]
}

/** The comment with which a script begins, as one line. */
function firstComment(text: string): string {
  const lines = text.split('\n').filter((line) => !/^#(!|\s*shellcheck\s)/.test(line))
  const end = lines.findIndex((line) => !line.startsWith('#'))
  return lines
    .slice(0, end === -1 ? lines.length : end)
    .map((line) => line.replace(/^#\s?/, ''))
    .join(' ')
    .trim()
}

/**
 * All that is known about one control.
 * @throws MintmarkError CONFIG_INVALID when there is no such control
 */
export function explain(content: HardeningContent, id: string): Explanation {
  const control = controlOf(content, id)
  const own = control.kind === scriptKind
  const folder = own ? `hardening/scripts/${scriptOf(control)}` : `hardening/kinds/${control.kind}`
  const script = own ? content.scripts.get(scriptOf(control)) : undefined
  const kind = content.kinds.get(control.kind)?.kind
  return {
    control,
    renderedOnly: control.os.filter((os) => systems[os].verified === 'rendered-only'),
    rows: rowsOf(control),
    kindTitle: kind?.title ?? '',
    applyFile: `${folder}/apply.sh`,
    checkFile: `${folder}/check.sh`,
    apply: script === undefined ? (kind?.writes ?? '') : firstComment(script.apply),
    check: script === undefined ? (kind?.reads ?? '') : firstComment(script.check),
    profiles: [...content.profiles]
      .filter(([, profile]) => profile.controls.includes(id))
      .map(([name]) => name),
    requirements: Object.entries(control.refs).flatMap(([benchmark, ids]) =>
      ids.map((requirement) => ({
        benchmark,
        id: requirement,
        title:
          content.benchmarks.get(benchmark)?.requirements.find((item) => item.id === requirement)?.title ??
          '',
      })),
    ),
  }
}
