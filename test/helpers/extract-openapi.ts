import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

// tsx test/helpers/extract-openapi.ts FILE LICENSE: generated/api.github.com.json and LICENSE of the npm package @octokit/openapi.

type Json = null | boolean | number | string | readonly Json[] | JsonObject
interface JsonObject {
  readonly [name: string]: Json
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the port calls. */
export const operations: readonly string[] = [
  'GET /repos/{owner}/{repo}/issues',
  'POST /repos/{owner}/{repo}/issues',
  'PATCH /repos/{owner}/{repo}/issues/{issue_number}',
  'GET /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}',
  'GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs',
  'GET /repos/{owner}/{repo}/actions/runs/{run_id}',
  'GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs',
  'GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals',
  'GET /repos/{owner}/{repo}/commits/{ref}',
  'GET /repos/{owner}/{repo}/git/commits/{commit_sha}',
  'POST /repos/{owner}/{repo}/git/commits',
  'POST /repos/{owner}/{repo}/git/trees',
  'GET /repos/{owner}/{repo}/git/matching-refs/{ref}',
  'POST /repos/{owner}/{repo}/git/refs',
  'PATCH /repos/{owner}/{repo}/git/refs/{ref}',
  'GET /repos/{owner}/{repo}/pulls',
  'POST /repos/{owner}/{repo}/pulls',
  'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
  'GET /repos/{owner}/{repo}/releases',
  'POST /repos/{owner}/{repo}/releases',
  'GET /repos/{owner}/{repo}/releases/{release_id}',
  'PATCH /repos/{owner}/{repo}/releases/{release_id}',
  'POST /repos/{owner}/{repo}/releases/{release_id}/assets',
  'DELETE /repos/{owner}/{repo}/releases/assets/{asset_id}',
]

const words = ['description', 'example', 'examples', 'title', 'deprecated', 'externalDocs', 'default']

/** OpenAPI 3.0 has a keyword for "or null" where JSON Schema has a type. */
function orNull(schema: JsonObject): JsonObject {
  const { nullable, ...rest } = schema
  if (nullable !== true) return rest
  const listed = Array.isArray(rest['enum'])
    ? { enum: [...rest['enum'].filter((item) => item !== null), null] }
    : {}
  if (typeof rest['type'] === 'string') return { ...rest, ...listed, type: [rest['type'], 'null'] }
  return { anyOf: [rest, { type: 'null' }] }
}

/** A schema without its words, as JSON Schema. */
function bare(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(bare)
  if (!isObject(schema)) return schema
  const kept = Object.entries(schema).filter(([name]) => !words.includes(name) && !name.startsWith('x-'))
  const entries = kept.map(([name, value]): readonly [string, Json] =>
    // Below it are names of properties, and no keywords.
    name === 'properties' && isObject(value)
      ? [name, Object.fromEntries(Object.entries(value).map(([key, of]) => [key, bare(of)]))]
      : [name, name === 'enum' ? value : bare(value)],
  )
  return orNull(Object.fromEntries(entries))
}

function at(document: JsonObject, pointer: string): Json {
  const parts = pointer.replace(/^#\//, '').split('/')
  let value: Json | undefined = document
  for (const part of parts)
    value = isObject(value) ? value[part.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined
  if (value === undefined) throw new Error(`${pointer} is not in the description`)
  return value
}

const objectAt = (value: Json | undefined, name: string): JsonObject => {
  const found = isObject(value) ? value[name] : undefined
  return isObject(found) ? found : {}
}

/** Parameters and answers are written where they are used; schemas stay named. */
function resolved(document: JsonObject, value: Json): Json {
  return isObject(value) && typeof value['$ref'] === 'string' ? at(document, value['$ref']) : value
}

const contentOf = (of: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(objectAt(of, 'content')).map(([type, media]) => [
      type,
      { schema: bare(isObject(media) ? (media['schema'] ?? {}) : {}) },
    ]),
  )

function operationOf(document: JsonObject, operation: JsonObject): JsonObject {
  const parameters = (Array.isArray(operation['parameters']) ? operation['parameters'] : []).map(
    (item: Json) => {
      const found = resolved(document, item)
      if (!isObject(found)) throw new Error('a parameter is no object')
      const { name = '', in: place = '', required = false, schema = {} } = found
      return { name, in: place, required, schema: bare(schema) }
    },
  )
  const responses = Object.entries(objectAt(operation, 'responses')).map(([status, item]) => {
    const found = resolved(document, item)
    return [status, { content: contentOf(isObject(found) ? found : {}) }] as const
  })
  const body = objectAt(operation, 'requestBody')
  return {
    operationId: operation['operationId'] ?? '',
    parameters,
    ...(Object.keys(body).length === 0 ? {} : { requestBody: { content: contentOf(body) } }),
    responses: Object.fromEntries(responses),
  }
}

function refsIn(value: Json): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(refsIn)
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([name, of]) =>
    name === '$ref' && typeof of === 'string' ? [of] : refsIn(of),
  )
}

/** The operations with all schemas that they reach, without words; an extract of an extract is the same. */
export function extract(document: JsonObject, licence: string): JsonObject {
  const paths: Record<string, Record<string, Json>> = {}
  for (const operation of operations) {
    const [method = '', path = ''] = operation.split(' ')
    const found = objectAt(objectAt(document['paths'], path), method.toLowerCase())
    if (Object.keys(found).length === 0) throw new Error(`${operation} is not in the description`)
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(document, found) }
  }
  const schemas: Record<string, Json> = {}
  const wanted = [
    ...refsIn(paths),
    '#/components/schemas/basic-error',
    '#/components/schemas/validation-error',
  ]
  for (const ref of wanted) {
    const name = ref.split('/').at(-1) ?? ''
    if (name in schemas) continue
    const schema = bare(at(document, ref))
    schemas[name] = schema
    wanted.push(...refsIn(schema))
  }
  // What an upload that was cut leaves behind is only told in words, at repos/upload-release-asset.
  const asset = objectAt(schemas, 'release-asset')
  const { state, ...properties } = objectAt(asset, 'properties')
  schemas['release-asset'] = {
    ...asset,
    properties: {
      ...properties,
      state: { ...(isObject(state) ? state : {}), enum: ['uploaded', 'open', 'starter'] },
    },
  }
  const info = objectAt(document, 'info')
  const source =
    document['x-source'] ??
    `GitHub's OpenAPI description as in npm @octokit/openapi ${String(info['version'])}, generated/api.github.com.json, MIT (x-license); made by test/helpers/extract-openapi.ts`
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
  return {
    'x-source': source,
    'x-license': document['x-license'] ?? licence,
    paths,
    components: { schemas: sorted },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const document = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as JsonObject
  const to = fileURLToPath(new URL('../fixtures/github/openapi.json', import.meta.url))
  const licence = await readFile(process.argv[3] ?? '', 'utf8')
  await writeFile(to, `${JSON.stringify(extract(document, licence))}\n`)
}
