import type * as z from 'zod'
import { didYouMean } from './did-you-mean.ts'
import { showValue, visible } from './show-value.ts'
import {
  branchesOf,
  exampleOf,
  formOf,
  literalsOf,
  meantBranch,
  type Path,
  placeOf,
  schemaAt,
  shapeOf,
} from './walk-schema.ts'

/** One thing that is wrong at a place of a file: `text` follows the field's name. */
export interface Finding {
  readonly path: Path
  readonly text: string
  /** The key is what is wrong, not its value. */
  readonly atKey?: boolean
}

export interface FindingOptions {
  readonly notYetSupported: readonly string[]
  /** How a scalar is written in the file: `0644` where the value is the number 644. Null for what is no scalar. */
  readonly sourceAt: (path: Path) => string | null
}

type Issue = z.core.$ZodIssue

/** `content.ports.1`, with nothing that a terminal acts on. */
export const dotted = (path: Path): string => path.map((part) => visible(String(part))).join('.')

function valueAt(data: unknown, path: Path): unknown {
  let value = data
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<PropertyKey, unknown>)[part]
  }
  return value
}

/** A secret that somebody wrote where its source belongs must not be in a log as well. */
const shown = (path: Path, found: unknown): string =>
  path[0] === 'secrets' ? 'something else (not shown)' : showValue(found)

const either = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

function wantedType(expected: string, found: unknown, source: string, schema: z.ZodType | null): string {
  const isScalar = typeof found !== 'object'
  if (expected === 'string') {
    if (!isScalar) return 'expected a text'
    const quoted = schema?.safeParse(source)
    return quoted?.success === false
      ? (quoted.error.issues[0]?.message ?? 'expected a text')
      : `expected a text: write it in quotes: "${source}"`
  }
  if (expected === 'number' || expected === 'int') {
    if (typeof found === 'number') return 'expected a whole number'
    const plain = typeof found === 'string' && /^[0-9]+$/.test(found)
    return plain ? `expected a number: write it without quotes: ${found}` : 'expected a number'
  }
  if (expected === 'boolean') {
    const yes = /^(?:y|yes|on|1|true)$/i.test(String(found))
    const no = /^(?:n|no|off|0|false)$/i.test(String(found))
    return `expected true or false${yes ? ': write true' : no ? ': write false' : ''}`
  }
  if (expected === 'array')
    return isScalar ? `expected a list: write it in brackets: [${source}]` : 'expected a list: [ONE, TWO]'
  const keys = Object.keys(shapeOf(schema))
  if (schema !== null && keys.length > 0) {
    const form = formOf(schema)
    return keys.length > 5 || form === '{}' ? `expected fields: ${keys.join(', ')}` : `expected ${form}`
  }
  const example = exampleOf(schema)
  return `expected names with values${example === null ? '' : `, e.g. ${example}`}`
}

function wantedSize(issue: Issue): string {
  const [limit, word] =
    issue.code === 'too_big'
      ? [issue.maximum, 'at most']
      : [issue.code === 'too_small' ? issue.minimum : 0, 'at least']
  const origin = issue.code === 'too_big' || issue.code === 'too_small' ? issue.origin : 'number'
  if (origin === 'string') return `expected ${word} ${limit} character${limit === 1 ? '' : 's'}`
  if (origin === 'array') return `expected ${word} ${limit} entr${limit === 1 ? 'y' : 'ies'}`
  return `expected a number of ${word} ${limit}`
}

function wantedChoice(choices: readonly unknown[], found: unknown, source: string): string {
  const words = choices.map(String)
  const meant = typeof found === 'string' ? didYouMean(found, words) : null
  const list = either(choices.map((choice) => JSON.stringify(choice)))
  if (meant !== null) return `expected ${list}; did you mean "${meant}"?`
  if (typeof found === 'number' && choices.includes(source))
    return `expected ${list}; write it in quotes: "${source}"`
  if (typeof found === 'string' && choices.includes(Number(found)) && found !== '')
    return `expected ${list}: write it without quotes`
  return `expected ${list}`
}

/** Everything that the schema has to say about the data, in words for the file's writer. */
export function schemaFindings(
  schema: z.ZodType,
  data: unknown,
  issues: readonly Issue[],
  options: FindingOptions,
): readonly Finding[] {
  const findings: Finding[] = []
  // A misspelt required field is one mistake, though the schema sees two: one unknown, one missing.
  const meantFields = new Set<string>()
  const valuesTold = new Set<string>()

  function unknownField(path: Path, key: string): void {
    const whole = [...path, key]
    const finding = (text: string) => findings.push({ path: whole, text, atKey: true })
    if (options.notYetSupported.includes(dotted(whole)))
      return void finding('is not supported by this version yet: remove it')
    const at = schemaAt(schema, path, data)
    const branches = branchesOf(at)
    const mine = branches[meantBranch(branches, valueAt(data, path)) ?? -1]
    const other = branches.find((branch) => branch !== mine && Object.hasOwn(shapeOf(branch), key))
    if (mine !== undefined && other !== undefined)
      return void finding(
        `does not go with ${formOf(mine)}, it is a field of ${formOf(other)}: keep one of the two`,
      )
    const here = Object.keys(shapeOf(mine ?? at))
    const meant = didYouMean(key, here)
    if (meant !== null) {
      meantFields.add(dotted([...path, meant]))
      return void finding(`is not a field; did you mean "${meant}"?`)
    }
    const place = placeOf(schema, key)
    if (place !== null)
      return void finding(
        `is not a field here: it belongs in ${dotted(place.slice(0, -1)) || 'the top level'}, as ${dotted(place)}`,
      )
    finding(`is not a field${here.length === 0 ? ': remove it' : ` (known here: ${here.join(', ')})`}`)
  }

  function missing(path: Path): void {
    if (meantFields.has(dotted(path))) return
    const name = String(path.at(-1))
    if (path.length === 1 && name === 'schema')
      return void findings.push({ path, text: 'is missing: begin the file with schema: 1' })
    const at = schemaAt(schema, path, data)
    const example = exampleOf(at)
    const forms = branchesOf(at).map(formOf)
    const how =
      example !== null
        ? `: add it, e.g. ${name}: ${example}`
        : forms.length > 0
          ? `: expected ${either(forms)}`
          : ''
    findings.push({ path, text: `is missing${how}` })
  }

  function union(path: Path, issue: Issue & { readonly code: 'invalid_union' }): void {
    const branches = branchesOf(schemaAt(schema, path, data))
    const found = valueAt(data, path)
    const index = meantBranch(branches, found)
    const inner = index === null ? undefined : issue.errors[index]
    if (found === undefined) {
      missing(path)
      return
    }
    if (inner === undefined) {
      const empty = found === null ? 'is empty' : `is ${shown(path, found)}`
      const expected =
        branches.length === 0 ? 'not what is expected here' : `expected ${either(branches.map(formOf))}`
      return void findings.push({ path, text: `${empty}: ${expected}` })
    }
    all(
      inner.map((item) => {
        const [key] = item.path
        // A wrong word where the branches tell themselves apart may be meant for any of them.
        const words = branches.flatMap((branch) => {
          const field = item.path.length === 1 ? shapeOf(branch)[String(key)] : undefined
          return field === undefined ? [] : literalsOf(field)
        })
        const whole = { ...item, path: [...path, ...item.path] }
        return item.code === 'invalid_value' && words.length > 0
          ? ({ ...whole, values: words } as Issue)
          : whole
      }),
    )
  }

  function value(issue: Issue): void {
    const { path } = issue
    const found = valueAt(data, path)
    // The first of several reasons against one value is enough to mend it.
    if (valuesTold.has(dotted(path))) return
    valuesTold.add(dotted(path))
    if (issue.code === 'invalid_key') {
      const why = issue.issues[0]?.message ?? 'expected another name'
      return void findings.push({ path, text: `is not a name that is allowed here: ${why}`, atKey: true })
    }
    if (found === undefined) {
      missing(path)
      return
    }
    const source = options.sourceAt(path) ?? String(found)
    const at = schemaAt(schema, path, data)
    if (found === null) {
      const example = exampleOf(at)
      const wanted =
        example === null
          ? 'give it a value or remove the line'
          : `write e.g. ${String(path.at(-1))}: ${example}`
      return void findings.push({ path, text: `is empty: ${wanted}` })
    }
    const choices = issue.code === 'invalid_value' ? issue.values : []
    const wanted =
      issue.code === 'invalid_value'
        ? wantedChoice(choices, found, source)
        : issue.code === 'invalid_type'
          ? wantedType(issue.expected, found, visible(source), at)
          : /^Too (?:big|small)/.test(issue.message)
            ? wantedSize(issue)
            : /^Invalid ISO date/.test(issue.message)
              ? 'expected a day of the calendar, e.g. 2027-03-31'
              : issue.message.replace(/^Invalid input: /, '')
    const words = typeof found === 'number' && path[0] !== 'secrets' ? visible(source) : shown(path, found)
    findings.push({ path, text: `is ${words}: ${wanted}` })
  }

  function all(some: readonly Issue[]): void {
    for (const issue of some)
      if (issue.code === 'unrecognized_keys') for (const key of issue.keys) unknownField(issue.path, key)
    for (const issue of some) {
      if (issue.code === 'invalid_union') union(issue.path, issue)
      else if (issue.code !== 'unrecognized_keys') value(issue)
    }
  }

  all(issues)
  return findings
}
