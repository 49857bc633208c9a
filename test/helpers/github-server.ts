import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Answer, Call } from './github-call.ts'
import {
  answerProblems,
  answerSchema,
  findOperation,
  type Operation,
  requestProblems,
  shaped,
} from './github-openapi.ts'
import { answer } from './github-operations.ts'
import { type GitHubState, newState } from './github-state.ts'

type Level = 'read' | 'write'

/** Who a token writes as, and the `permissions:` of its job. */
export interface GitHubToken {
  readonly login: string
  readonly permissions: Readonly<Partial<Record<'actions' | 'contents' | 'issues' | 'pull-requests', Level>>>
  /** GitHub drops labels in silence that a token may not set. */
  readonly labels?: boolean
}

export interface Fault {
  /** What it is for: `METHOD /path`. */
  readonly of: RegExp
  /**
   * A status before any work; `cut`: the work is done and the connection ends without an answer; `unreachable`: it ends before; `silent`:
   * the work is done and no answer ever comes; `secondary`, `primary`: limits, as GitHub answers them; `half`: of an upload a part comes.
   */
  readonly does: number | 'cut' | 'unreachable' | 'silent' | 'secondary' | 'primary' | 'half'
  /** Requests of that kind that go well before it, and how many it is for. */
  after?: number
  times?: number
}

export interface GitHubServer {
  readonly address: string
  readonly state: GitHubState
  /** What was asked, in order: `METHOD /path`. */
  readonly requests: string[]
  /** Those of it that would change something. */
  readonly writes: () => readonly string[]
  readonly faults: Fault[]
  /** Environment of a step that gets the token of its job. */
  readonly env: Readonly<Record<string, string>>
  /** @throws Error for a request or an answer that was not as GitHub describes it, and ends the whole process for it */
  readonly close: () => Promise<void>
}

/** What a job with all permissions of ours has. */
export const jobToken: GitHubToken = {
  login: 'github-actions[bot]',
  permissions: { actions: 'read', contents: 'write', issues: 'write', 'pull-requests': 'write' },
}

type Scope = keyof GitHubToken['permissions']

/** What a token needs for an operation; one of them is enough. */
function scopesOf(operation: Operation, state: GitHubState): readonly Scope[] {
  const { id, path } = operation
  if (id.startsWith('actions/')) return ['actions']
  if (id.startsWith('pulls/')) return ['pull-requests']
  if (!id.startsWith('issues/')) return ['contents']
  const comment = state.comments.find((item) => String(item.id) === path['comment_id'])
  const number = comment?.issue ?? Number(path['issue_number'] ?? 0)
  return state.pulls.has(number) ? ['issues', 'pull-requests'] : ['issues']
}

const bytesOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const docs = { documentation_url: 'https://docs.github.com/rest' }

interface Given {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const error = (status: number, message: string, more: object = {}): Given => ({
  status,
  body: { message, ...more, ...docs, status: String(status) },
})

/** One page of a list, and where the others are. */
function paged(
  url: URL,
  all: readonly unknown[],
): { readonly page: readonly unknown[]; readonly link: string } {
  const size = Math.min(Number(url.searchParams.get('per_page') ?? 30), 100)
  const number = Number(url.searchParams.get('page') ?? 1)
  const last = Math.max(1, Math.ceil(all.length / size))
  const to = (page: number, rel: string): string => {
    const other = new URL(url)
    other.searchParams.set('page', String(page))
    return `<${other.href}>; rel="${rel}"`
  }
  const links = [
    ...(number > 1 ? [to(number - 1, 'prev'), to(1, 'first')] : []),
    ...(number < last ? [to(number + 1, 'next'), to(last, 'last')] : []),
  ]
  return { page: all.slice((number - 1) * size, number * size), link: links.join(', ') }
}

const limits = (): Readonly<Record<'secondary' | 'primary', Given>> => ({
  secondary: {
    ...error(
      429,
      'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
    ),
    headers: { 'retry-after': '2' },
  },
  primary: {
    ...error(403, 'API rate limit exceeded for installation ID 1.'),
    headers: {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 3600),
    },
  },
})

function send(response: ServerResponse, { status, body, headers = {} }: Given): void {
  const text = body === undefined ? '' : JSON.stringify(body)
  response.writeHead(status, {
    ...(text === '' ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    ...headers,
  })
  response.end(text)
}

/** The last upload, as it is when the connection ended on the way. */
function halveLast(state: GitHubState): void {
  const assets = state.releases.findLast((release) => release.assets.length > 0)?.assets
  const last = assets?.pop()
  if (last !== undefined) assets?.push({ ...last, state: 'starter' })
}

/** The answer of an operation as GitHub writes it. */
function written(operation: Operation, { status, given, list }: Answer, url: URL): Given {
  const schema = answerSchema(operation)
  if (given === undefined || schema === undefined) return { status }
  if (!Array.isArray(given)) return { status, body: shaped(schema, given) }
  const { page, link } = paged(url, given)
  const headers: Record<string, string> = link === '' ? {} : { link }
  const body = list === undefined ? page : { total_count: given.length, [list]: page }
  return { status, body: shaped(schema, body), headers }
}

/**
 * GitHub's REST for one repository, on loopback. Every request and every answer is held against GitHub's own description of it; what is
 * not as described is answered with 400 or 500, and `close` throws it.
 */
export async function startGithub(
  options: {
    readonly repository?: string
    /** Token -> what it may do; `job-token` is `jobToken` when left out. */
    readonly tokens?: Readonly<Record<string, GitHubToken>>
  } = {},
): Promise<GitHubServer> {
  const { repository = 'corp/images', tokens = { 'job-token': jobToken } } = options
  const state = newState(repository)
  const requests: string[] = []
  const faults: Fault[] = []
  const wrong: string[] = []
  let address = ''

  const faultOf = (name: string): Fault['does'] | null => {
    const found = faults.find(({ of, times = 1 }) => times > 0 && of.test(name))
    if (found === undefined) return null
    if ((found.after ?? 0) > 0) {
      found.after = (found.after ?? 0) - 1
      return null
    }
    found.times = (found.times ?? 1) - 1
    return found.does
  }

  function worked(
    operation: Operation,
    request: IncomingMessage,
    url: URL,
    token: GitHubToken,
    bytes: Buffer,
  ): Given {
    const level: Level = request.method === 'GET' ? 'read' : 'write'
    const { permissions } = token
    const may = (scope: Scope): boolean => permissions[scope] === 'write' || permissions[scope] === level
    if (!scopesOf(operation, state).some(may)) return error(403, 'Resource not accessible by integration')
    const mediaType = request.headers['content-type'] ?? ''
    const upload = operation.id === 'repos/upload-release-asset'
    const body: unknown = upload || bytes.length === 0 ? undefined : JSON.parse(bytes.toString())
    const problems = requestProblems(operation, url.searchParams, body)
    if (problems.length > 0) {
      wrong.push(...problems.map((text) => `${operation.id}: ${text}`))
      return error(400, problems.join('; '))
    }
    const call: Call = {
      state,
      path: operation.path,
      query: url.searchParams,
      body: (body ?? {}) as Call['body'],
      bytes,
      mediaType,
      by: token.login,
      mayPush: permissions.contents === 'write',
      mayLabel: token.labels !== false,
      address,
    }
    let given: Given
    try {
      given = written(operation, answer(operation.id, call), url)
    } catch (cause) {
      if (!(cause instanceof Error) || !('status' in cause)) throw cause
      const errors = 'errors' in cause && cause.errors !== undefined ? { errors: cause.errors } : {}
      given = error(Number(cause.status), cause.message, errors)
    }
    const against = answerProblems(operation, given.status, given.body)
    if (against.length === 0) return given
    wrong.push(...against.map((text) => `${operation.id}: ${text}`))
    return error(500, against.join('; '))
  }

  function graphql(token: GitHubToken, bytes: Buffer): Given {
    const { query } = JSON.parse(bytes.toString()) as { readonly query: string }
    // REST tells the token of a job nothing of itself; no more than this is asked of GraphQL.
    if (query.replace(/\s+/g, ' ') === 'query { viewer { login } }')
      return { status: 200, body: { data: { viewer: { login: token.login } } } }
    wrong.push(`graphql: unknown query ${query}`)
    return error(400, 'unknown query')
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', address)
    const upload = url.pathname.startsWith('/uploads/')
    const path = url.pathname.replace(/^\/uploads\//, '/')
    const name = `${request.method} ${path}`
    requests.push(name)
    const bytes = await bytesOf(request)
    const fault = faultOf(name)
    if (fault === 'unreachable') return void request.socket.destroy()
    if (typeof fault === 'number') return send(response, error(fault, 'Server Error'))
    if (fault === 'secondary' || fault === 'primary') return send(response, limits()[fault])
    const given = ((): Given => {
      const [, secret = ''] = /^(?:token|bearer) (.+)$/i.exec(request.headers.authorization ?? '') ?? []
      const token = tokens[secret]
      if (token === undefined) return error(401, 'Bad credentials')
      if (request.headers['user-agent'] === undefined)
        return error(403, 'Request forbidden by administrative rules.')
      if (name === 'POST /graphql') return graphql(token, bytes)
      const operation = findOperation(request.method ?? '', path)
      if (operation === undefined || (operation.id === 'repos/upload-release-asset') !== upload) {
        wrong.push(`${name} is no operation of the extract`)
        return error(404, 'Not Found')
      }
      return worked(operation, request, url, token, bytes)
    })()
    if (fault === 'half') halveLast(state)
    if (fault === 'cut' || fault === 'half') return void request.socket.destroy()
    if (fault !== 'silent') send(response, given)
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((cause: unknown) => {
      wrong.push(String(cause))
      send(response, error(500, String(cause)))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [first = ''] = Object.keys(tokens)
  return {
    address,
    state,
    requests,
    writes: () => requests.filter((name) => !name.startsWith('GET ') && name !== 'POST /graphql'),
    faults,
    env: { GITHUB_TOKEN: first, GITHUB_REPOSITORY: repository, GITHUB_API_URL: address },
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((done) => server.close(() => done()))
      if (wrong.length === 0) return
      const error = new Error(`not as GitHub describes it: ${wrong.join('\n')}`)
      // What a hook throws uvu passes over without a word; this ends the process.
      setImmediate(() => {
        throw error
      })
      throw error
    },
  }
}
