import { isMap, isNode, isScalar, isSeq, type ParsedNode } from 'yaml'
import type * as z from 'zod'
import { MintmarkError } from '../errors.ts'
import { readYaml } from './read-yaml.ts'
import { dotted, type Finding, schemaFindings } from './schema-findings.ts'
import type { Path } from './walk-schema.ts'

export interface ParseOptions<T> {
  /** As it is shown in messages; relative to the checkout where possible. */
  readonly path: string
  /** Dotted fields that the format knows and this version does not honour. */
  readonly notYetSupported?: readonly string[]
  /** What no schema can say. Asked only when the schema has nothing to say. */
  readonly check?: (value: T) => readonly Finding[]
}

interface Problem {
  readonly line: number
  readonly column: number
  readonly text: string
}

const mostShown = 30

/** Finds places in a document; each mapping is indexed once, so that many problems in a long one take no longer. */
function placesIn(root: ParsedNode) {
  const indexes = new WeakMap<
    object,
    ReadonlyMap<string, { readonly key: unknown; readonly value: unknown }>
  >()
  const entry = (node: unknown, part: PropertyKey) => {
    if (isSeq(node)) return { key: node.items[Number(part)], value: node.items[Number(part)] }
    if (!isMap(node)) return undefined
    const index =
      indexes.get(node) ??
      new Map(node.items.map((pair) => [isScalar(pair.key) ? String(pair.key.value) : '', pair]))
    indexes.set(node, index)
    return index.get(String(part))
  }
  const startOf = (node: unknown): number | undefined =>
    isNode(node) ? (node.range?.[0] ?? undefined) : undefined
  return {
    /** Of the value, or of the key when `atKey`, or of the nearest parent that is there. */
    offset(path: Path, atKey: boolean): number {
      let node: unknown = root
      let offset = root.range[0]
      for (const [index, part] of path.entries()) {
        const found = entry(node, part)
        if (found === undefined || found.key === undefined) return offset
        const key = startOf(found.key) ?? offset
        const isEmpty = isScalar(found.value) && found.value.value === null
        offset = (index === path.length - 1 && atKey) || isEmpty ? key : (startOf(found.value) ?? key)
        node = found.value
      }
      return offset
    },
    source(path: Path): string | null {
      const node = path.reduce<unknown>((at, part) => entry(at, part)?.value, root)
      return isScalar(node) ? (node.source ?? null) : null
    },
  }
}

function refuse(path: string, problems: readonly Problem[]): never {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
  const shown = sorted
    .slice(0, mostShown)
    .map((problem) => `${path}:${problem.line}:${problem.column} ${problem.text}`)
  const more = problems.length - shown.length
  throw new MintmarkError(
    'CONFIG_INVALID',
    `${path} has ${problems.length} problem${problems.length === 1 ? '' : 's'}`,
    { details: more > 0 ? [...shown, `… and ${more} more`] : shown, where: { file: path } },
  )
}

/** The version of the format that the file is written for; null when it says none. */
function versionOf(data: unknown): number | null {
  const version = typeof data === 'object' && data !== null && 'schema' in data ? data.schema : null
  return typeof version === 'number' ? version : null
}

/**
 * Parses YAML (or JSON) text against a schema. All problems at once (the first 30), sorted by place, each as
 * `file:line:column field: what, found, what to do`.
 * @throws MintmarkError CONFIG_INVALID
 */
export function parseYaml<T>(schema: z.ZodType<T>, text: string, options: ParseOptions<T>): T {
  const { document, lines, problems } = readYaml(text)
  const placed = (offset: number, said: string): Problem => {
    const { line, col } = lines.linePos(offset)
    return { line, column: Math.max(1, col), text: said }
  }
  if (document === null || problems.length > 0)
    return refuse(
      options.path,
      problems.map((problem) => placed(problem.offset, problem.text)),
    )
  const places = placesIn(document.contents as ParsedNode)
  const tell = (findings: readonly Finding[]): never =>
    refuse(
      options.path,
      findings.map(({ path, text: said, atKey }) =>
        placed(
          places.offset(path, atKey === true),
          `${path.length === 0 ? 'the file' : dotted(path)} ${said}`,
        ),
      ),
    )
  const data: unknown = document.toJS({ maxAliasCount: 0 })
  const parsed = schema.safeParse(data, { reportInput: true })
  if (!parsed.success) {
    const version = versionOf(data)
    const { issues } = parsed.error
    // Nothing else that this version would say of such a file can be trusted.
    if (version !== null && version > 1 && issues.some((issue) => issue.path.join('.') === 'schema'))
      return tell([
        { path: ['schema'], text: `is ${version}: written for a newer mintmark, this one reads schema: 1` },
      ])
    return tell(
      schemaFindings(schema, data, issues, {
        notYetSupported: options.notYetSupported ?? [],
        sourceAt: places.source,
      }),
    )
  }
  const findings = options.check?.(parsed.data) ?? []
  return findings.length > 0 ? tell(findings) : parsed.data
}
