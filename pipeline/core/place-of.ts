import { isNode, LineCounter, type Node, parseDocument } from 'yaml'

export interface Place {
  /** Counted from 1. */
  readonly line: number
  /** Counted from 1. */
  readonly column: number
}

/** Where a field's value stands in a YAML text; the nearest parent that is there when the field is left out. */
export function placeOf(text: string, path: readonly (string | number)[]): Place {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, version: '1.2' })
  let offset = 0
  for (let depth = 0; depth <= path.length; depth += 1) {
    const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true)
    if (!isNode(node)) break
    offset = (node as Node).range?.[0] ?? offset
  }
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}
