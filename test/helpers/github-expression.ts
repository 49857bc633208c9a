/** What an expression may look at: github, vars, inputs, matrix, needs, steps, env, runner. */
export type Contexts = Readonly<Record<string, unknown>>

/** How the steps, or the jobs that are needed, went so far. */
export interface Status {
  readonly failed: boolean
  readonly cancelled: boolean
}

const token = /\s*(?:(\d+(?:\.\d+)?)|'((?:[^']|'')*)'|([A-Za-z_][\w-]*)|(==|!=|<=|>=|&&|\|\||[<>!().,[\]]))/y

interface Token {
  readonly kind: 'number' | 'text' | 'name' | 'sign'
  readonly text: string
}

function tokens(source: string): readonly Token[] {
  const found: Token[] = []
  token.lastIndex = 0
  const end = source.trimEnd().length
  while (token.lastIndex < end) {
    const at = token.lastIndex
    const match = token.exec(source)
    if (match === null) throw new Error(`not an expression of GitHub: ${source.slice(at)}`)
    const [, number, text, name, sign] = match
    if (number !== undefined) found.push({ kind: 'number', text: number })
    else if (text !== undefined) found.push({ kind: 'text', text: text.replaceAll("''", "'") })
    else if (name !== undefined) found.push({ kind: 'name', text: name })
    else found.push({ kind: 'sign', text: sign ?? '' })
  }
  return found
}

const truthy = (value: unknown): boolean =>
  !(value === null || value === undefined || value === false || value === 0 || value === '')

function asNumber(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === null || value === undefined) return 0
  return typeof value === 'string' ? Number(value) : Number.NaN
}

function equal(a: unknown, b: unknown): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a.toLowerCase() === b.toLowerCase()
  if (typeof a === 'object' && a !== null) return a === b
  return asNumber(a) === asNumber(b)
}

const compared: Readonly<Record<string, (a: unknown, b: unknown) => boolean>> = {
  '==': equal,
  '!=': (a, b) => !equal(a, b),
  '<': (a, b) => asNumber(a) < asNumber(b),
  '<=': (a, b) => asNumber(a) <= asNumber(b),
  '>': (a, b) => asNumber(a) > asNumber(b),
  '>=': (a, b) => asNumber(a) >= asNumber(b),
}

/** Text of a value as it is put into a string. */
export const asText = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'object' ? 'Object' : String(value)

const functions: Readonly<Record<string, (args: readonly unknown[], status: Status) => unknown>> = {
  fromJSON: ([text]) => JSON.parse(asText(text)) as unknown,
  toJSON: ([value]) => JSON.stringify(value, null, 2),
  always: () => true,
  cancelled: (_, { cancelled }) => cancelled,
  success: (_, { failed, cancelled }) => !failed && !cancelled,
  failure: (_, { failed }) => failed,
}

/** The part of GitHub's expression language that these workflows use; what is not known is an error, never empty. */
export function evaluate(source: string, contexts: Contexts, status: Status): unknown {
  const rest = [...tokens(source)]
  const next = (): Token => rest.shift() ?? { kind: 'sign', text: 'the end' }
  const takes = (...signs: readonly string[]): string | null => {
    const [first] = rest
    if (first?.kind !== 'sign' || !signs.includes(first.text)) return null
    rest.shift()
    return first.text
  }
  const needs = (sign: string): void => {
    if (takes(sign) === null) throw new Error(`${source}: expected ${sign} before ${next().text}`)
  }
  const called = (name: string): unknown => {
    const args: unknown[] = []
    while (takes(')') === null) {
      args.push(either())
      takes(',')
    }
    const work = functions[name]
    if (work === undefined) throw new Error(`${source}: the function ${name} is not known here`)
    return work(args, status)
  }
  const reached = (name: string): unknown => {
    if (!(name in contexts)) throw new Error(`${source}: the context ${name} is not known here`)
    let value: unknown = contexts[name]
    while (takes('.') !== null) {
      const { text } = next()
      value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[text] : null
    }
    return value ?? null
  }
  const single = (): unknown => {
    if (takes('!') !== null) return !truthy(single())
    if (takes('(') !== null) {
      const value = either()
      needs(')')
      return value
    }
    const { kind, text } = next()
    if (kind === 'number') return Number(text)
    if (kind === 'text') return text
    if (kind === 'sign') throw new Error(`${source}: unexpected ${text}`)
    if (text === 'true' || text === 'false') return text === 'true'
    if (text === 'null') return null
    return takes('(') === null ? reached(text) : called(text)
  }
  const comparison = (): unknown => {
    let left = single()
    for (let sign = takes(...Object.keys(compared)); sign !== null; sign = takes(...Object.keys(compared)))
      left = compared[sign]?.(left, single())
    return left
  }
  const both = (): unknown => {
    let left = comparison()
    while (takes('&&') !== null) {
      const right = comparison()
      left = truthy(left) ? right : left
    }
    return left
  }
  function either(): unknown {
    let left = both()
    while (takes('||') !== null) {
      const right = both()
      left = truthy(left) ? left : right
    }
    return left
  }
  const value = either()
  if (rest.length > 0) throw new Error(`${source}: unexpected ${next().text}`)
  return value
}

/** A value of a workflow with its expressions: one alone keeps its kind, others become text. */
export function resolve(value: unknown, contexts: Contexts, status: Status): unknown {
  if (typeof value !== 'string') return value
  const alone = /^\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*$/s.exec(value)
  if (alone !== null) return evaluate(alone[1] ?? '', contexts, status)
  return value.replace(/\$\{\{(.*?)\}\}/gs, (_, source: string) => asText(evaluate(source, contexts, status)))
}

/** Whether an `if` holds; without one, or with one that asks for no status, success is needed as well. */
export function holds(condition: unknown, contexts: Contexts, status: Status): boolean {
  if (condition === undefined) return !status.failed && !status.cancelled
  const source = String(condition).replace(/^\s*\$\{\{(.*)\}\}\s*$/s, '$1')
  const asked = /\b(?:always|cancelled|success|failure)\s*\(/.test(source)
  if (!asked && (status.failed || status.cancelled)) return false
  return truthy(evaluate(source, contexts, status))
}
