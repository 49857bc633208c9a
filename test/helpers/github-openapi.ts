import { readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'

/** One schema of the description, as JSON Schema. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly format?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly allOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

interface Described {
  readonly operationId: string
  readonly parameters: readonly {
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly schema: Schema
  }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content: Content }>>
}

const document = JSON.parse(
  readFileSync(new URL('../fixtures/github/openapi.json', import.meta.url), 'utf8'),
) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** An operation of GitHub's REST, found for a request. */
export interface Operation {
  /** e.g. issues/create */
  readonly id: string
  readonly described: Described
  readonly path: Readonly<Record<string, string>>
}

const patterns = Object.entries(document.paths).flatMap(([path, methods]) => {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  // Names of branches and tags may have slashes; GitHub takes those of a path as they are.
  const source = path.replace(/\{(\w+)\}/g, (_, name) => (name === 'ref' ? '(.+)' : '([^/]+)'))
  return Object.entries(methods).map(([method, described]) => ({
    method: method.toUpperCase(),
    pattern: new RegExp(`^${source}$`),
    names,
    described,
  }))
})

/** Undefined for what the port was not known to call: then it belongs into extract-openapi.ts first. */
export function findOperation(method: string, path: string): Operation | undefined {
  for (const { described, names, pattern, method: of } of patterns) {
    const match = of === method ? pattern.exec(path) : null
    if (match === null) continue
    const values = names.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? '')] as const)
    return { id: described.operationId, described, path: Object.fromEntries(values) }
  }
  return undefined
}

const ajv = new Ajv({
  strict: false,
  allErrors: true,
  formats: {
    uri: (text: string) => URL.canParse(text.replace(/\{[^}]*\}/g, '')),
    'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/,
    email: /^[^@\s]+@[^@\s]+$/,
    binary: true,
    int64: true,
    int32: true,
    'repo.nwo': /^[^/\s]+\/[^/\s]+$/,
    duration: true,
  },
})
ajv.addSchema({ $id: 'github', components: document.components })

const compiled = new Map<Schema, ValidateFunction>()

/** References are to the whole description. */
const anchored = (schema: Schema): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"github#/components/'))

/** What is wrong with a value; nothing when it is as described. */
function problems(schema: Schema, value: unknown, what: string): readonly string[] {
  let validate = compiled.get(schema)
  if (validate === undefined) {
    validate = ajv.compile(anchored(schema))
    compiled.set(schema, validate)
  }
  if (validate(value)) return []
  return (validate.errors ?? []).map(({ instancePath, message }) => `${what}${instancePath} ${message}`)
}

const target = (schema: Schema): Schema => {
  if (schema.$ref === undefined) return schema
  const found = document.components.schemas[schema.$ref.split('/').at(-1) ?? '']
  if (found === undefined) throw new Error(`${schema.$ref} is not in the description`)
  return target(found)
}

/** All that an object may have, whichever of its forms it takes; null where anything goes. */
function namesOf(schema: Schema): readonly string[] | null {
  const of = target(schema)
  const forms = [...(of.allOf ?? []), ...(of.anyOf ?? []), ...(of.oneOf ?? [])].map(namesOf)
  const own = Object.keys(of.properties ?? {})
  const all = [...own, ...forms.flatMap((names) => names ?? [])]
  return all.length === 0 ? null : all
}

const unknownNames = (schema: Schema, value: unknown, what: string): readonly string[] => {
  const names = namesOf(schema)
  if (names === null || typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.keys(value)
    .filter((name) => !names.includes(name))
    .map((name) => `${what} has "${name}", which GitHub would pass over`)
}

/** A number or a truth is a text in an address. */
function read(schema: Schema, text: string): unknown {
  const types = [target(schema).type ?? []].flat()
  if (types.includes('integer') && /^\d+$/.test(text)) return Number(text)
  if (types.includes('boolean') && /^(?:true|false)$/.test(text)) return text === 'true'
  return text
}

/** What GitHub's description has against a request. @param body parsed; undefined for none */
export function requestProblems(
  { described, path }: Operation,
  query: URLSearchParams,
  body: unknown,
): readonly string[] {
  const found: string[] = []
  const known = described.parameters
  for (const [name, text] of query) {
    const one = known.find((item) => item.in === 'query' && item.name === name)
    if (one === undefined) found.push(`query has "${name}", which GitHub would pass over`)
    else found.push(...problems(one.schema, read(one.schema, text), `query ${name}`))
  }
  for (const { name, in: place, required, schema } of known) {
    if (place === 'path') found.push(...problems(schema, read(schema, path[name] ?? ''), `path ${name}`))
    if (place === 'query' && required && !query.has(name)) found.push(`query has no ${name}`)
  }
  const schema = described.requestBody?.content['application/json']?.schema
  if (schema === undefined) return found
  return [...found, ...problems(schema, body ?? {}, 'body'), ...unknownNames(schema, body, 'body')]
}

const basicError: Schema = {
  anyOf: [{ $ref: '#/components/schemas/basic-error' }, { $ref: '#/components/schemas/validation-error' }],
}

/** What GitHub's description has against an answer; errors that it leaves out have the form of all others. */
export function answerProblems({ described }: Operation, status: number, body: unknown): readonly string[] {
  const listed = described.responses[String(status)]
  if (listed === undefined && status < 400) return [`answer ${status} is not described`]
  const schema = listed?.content['application/json']?.schema ?? (status >= 400 ? basicError : undefined)
  if (schema === undefined) return body === undefined ? [] : ['answer should have no body']
  return problems(schema, body, `answer ${status}`)
}

const samples: Readonly<Record<string, unknown>> = {
  uri: 'https://github.test/x',
  'date-time': '2026-01-01T00:00:00Z',
  email: 'x@github.test',
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isNull = (schema: Schema): boolean => [target(schema).type ?? []].flat().includes('null')

/** The form that a value has, of several. */
function formOf(forms: readonly Schema[], value: unknown): Schema {
  const wanted = isPlain(value) ? 'object' : Array.isArray(value) ? 'array' : typeof value
  const fits = (form: Schema): boolean => {
    const of = target(form)
    const nested = of.anyOf ?? of.oneOf
    if (nested !== undefined && of.properties === undefined) return nested.some(fits)
    const types = [of.type ?? (of.properties === undefined ? [] : 'object')].flat()
    return types.includes(wanted) || (wanted === 'number' && types.includes('integer'))
  }
  const found = value === undefined ? (forms.find(isNull) ?? forms[0]) : forms.find(fits)
  return found ?? {}
}

const joined = (parts: readonly Schema[]): Schema => ({
  type: 'object',
  properties: Object.assign({}, ...parts.map((part) => target(part).properties)),
  required: parts.flatMap((part) => target(part).required ?? []),
})

/**
 * A value of that schema which says what is given, and for the rest the least that GitHub always says. @throws Error for a property
 * that GitHub has not
 */
export function shaped(schema: Schema, given?: unknown): unknown {
  const of = target(schema)
  if (given === null) return null
  const forms = of.anyOf ?? of.oneOf
  if (forms !== undefined && of.properties === undefined) return shaped(formOf(forms, given), given)
  if (of.allOf !== undefined) return shaped(joined(of.allOf), given)
  const types = [of.type ?? []].flat()
  if (given === undefined && types.includes('null')) return null
  if (of.properties !== undefined || types.includes('object')) {
    const overlay = isPlain(given) ? given : {}
    const properties = of.properties ?? {}
    const wrong =
      of.properties === undefined ? [] : Object.keys(overlay).filter((name) => !(name in properties))
    if (wrong.length > 0) throw new Error(`GitHub has no ${wrong.join(', ')} there`)
    const names = new Set([...(of.required ?? []), ...Object.keys(overlay)])
    return Object.fromEntries([...names].map((name) => [name, shaped(properties[name] ?? {}, overlay[name])]))
  }
  if (types.includes('array'))
    return Array.isArray(given) ? given.map((item: unknown) => shaped(of.items ?? {}, item)) : []
  if (given !== undefined) return given
  if (of.const !== undefined) return of.const
  if (of.enum !== undefined) return of.enum.find((item) => item !== null)
  if (types.includes('string')) return samples[of.format ?? ''] ?? 'x'
  if (types.includes('integer') || types.includes('number')) return 1
  return types.includes('boolean') ? false : 'x'
}

/** The schema of what an operation answers when all is well. */
export function answerSchema({ described }: Operation): Schema | undefined {
  const [status] = Object.keys(described.responses).filter((code) => code.startsWith('2'))
  return described.responses[status ?? '']?.content['application/json']?.schema
}
