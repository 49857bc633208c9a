import { distance } from 'fastest-levenshtein'
import { isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type * as z from 'zod'
import { MintmarkError } from '../errors.ts'

export interface ParseOptions {
  /** As it is shown in messages; relative to the checkout where possible. */
  readonly path: string
  /** Dotted fields that the format knows and this version does not honour. */
  readonly notYetSupported?: readonly string[]
}

interface Problem {
  readonly line: number
  readonly column: number
  readonly text: string
}

type Path = readonly PropertyKey[]

/** Offset of the node, or of the key when `atKey`, or of the nearest parent that is there. */
function offsetOf(root: Node | null, path: Path, atKey: boolean): number {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const [index, part] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => String((item.key as { value?: unknown } | null)?.value) === String(part),
      )
      if (pair === undefined) return offset
      const key = pair.key as Node
      const value = pair.value as Node | null
      const last = index === path.length - 1
      offset = (last && atKey ? key.range?.[0] : (value?.range?.[0] ?? key.range?.[0])) ?? offset
      node = value
    } else if (isSeq(node)) {
      const item = node.items[Number(part)] as Node | undefined
      if (item === undefined) return offset
      offset = item.range?.[0] ?? offset
      node = item
    } else {
      return offset
    }
  }
  return offset
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<PropertyKey, unknown>)[part]
  }
  return value
}

/** The nearest of the known words, when it is near enough to be a slip of the finger. */
export function didYouMean(word: string, known: readonly string[]): string | null {
  const [best] = known.map((item) => ({ item, far: distance(word, item) })).sort((a, b) => a.far - b.far)
  const near = Math.max(1, Math.floor(word.length / 3))
  return best !== undefined && word.length > 2 && best.far <= near ? best.item : null
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

const dotted = (path: Path): string => path.map(String).join('.')

/** Keys that the schema knows at a path, read off Zod's own description of it. */
function knownKeys(schema: z.ZodType, path: Path): readonly string[] {
  let at: unknown = schema
  const unwrap = (item: unknown): unknown => {
    let inner = item as { def?: { innerType?: unknown; type?: string } }
    while (inner?.def?.innerType !== undefined) inner = inner.def.innerType as typeof inner
    return inner
  }
  for (const part of path) {
    const here = unwrap(at) as {
      def?: { shape?: Record<string, unknown>; element?: unknown; valueType?: unknown }
    }
    at = here?.def?.shape?.[String(part)] ?? here?.def?.element ?? here?.def?.valueType
  }
  const end = unwrap(at) as { def?: { shape?: Record<string, unknown> } }
  return Object.keys(end?.def?.shape ?? {})
}

/**
 * Parses YAML (or JSON) text against a schema. All problems at once, each as `file:line:column field: what, found, what to do`.
 * @throws MintmarkError CONFIG_INVALID
 */
export function parseYaml<T>(schema: z.ZodType<T>, text: string, options: ParseOptions): T {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false, version: '1.2' })
  const problems: Problem[] = []
  const add = (offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset)
    problems.push({ line, column: col, text: message })
  }
  for (const error of [...document.errors, ...document.warnings]) {
    add(
      error.pos[0],
      error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? error.message,
    )
  }
  if (problems.length === 0) {
    const data: unknown = document.toJS({ maxAliasCount: 0 })
    const root = document.contents as Node | null
    const parsed = schema.safeParse(data, { reportInput: true })
    if (parsed.success) return parsed.data
    // A misspelt required field is one mistake, though the schema sees two: one unknown, one missing.
    const meantFields = new Set<string>()
    const issues = [...parsed.error.issues].sort(
      (a, b) => Number(b.code === 'unrecognized_keys') - Number(a.code === 'unrecognized_keys'),
    )
    for (const issue of issues) {
      if (issue.code === 'unrecognized_keys') {
        const known = knownKeys(schema, issue.path)
        for (const key of issue.keys) {
          const path = [...issue.path, key]
          const later = options.notYetSupported?.includes(dotted(path)) === true
          const meant = didYouMean(key, known)
          if (meant !== null) meantFields.add(dotted([...issue.path, meant]))
          const advice = later
            ? 'is not supported by this version yet: remove it'
            : `is not a field${meant === null ? ` (known here: ${known.join(', ')})` : `; did you mean "${meant}"?`}`
          add(offsetOf(root, path, true), `${dotted(path)} ${advice}`)
        }
        continue
      }
      const found = valueAt(data, issue.path)
      const name = issue.path.length === 0 ? 'the document' : dotted(issue.path)
      if (found === undefined) {
        if (!meantFields.has(name)) add(offsetOf(root, issue.path, false), `${name} is missing`)
        continue
      }
      const choices = issue.code === 'invalid_value' ? issue.values.map(String) : []
      const meant = typeof found === 'string' ? didYouMean(found, choices) : null
      const quotes =
        typeof found === 'number' && choices.includes(String(found)) ? `; write it in quotes: "${found}"` : ''
      const wanted =
        issue.code === 'invalid_value'
          ? `expected ${choices.map((choice) => `"${choice}"`).join(' or ')}${meant === null ? '' : `; did you mean "${meant}"?`}${quotes}`
          : issue.message.replace(/^Invalid input: /, '')
      add(offsetOf(root, issue.path, false), `${name} is ${show(found)}: ${wanted}`)
    }
  }
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  throw new MintmarkError(
    'CONFIG_INVALID',
    `${options.path} has ${problems.length} problem${problems.length === 1 ? '' : 's'}`,
    {
      details: problems.map((problem) => `${options.path}:${problem.line}:${problem.column} ${problem.text}`),
      where: { file: options.path },
    },
  )
}
