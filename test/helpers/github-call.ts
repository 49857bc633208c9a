import type { GitHubState } from './github-state.ts'

/** What a request asks of an operation. */
export interface Call {
  readonly state: GitHubState
  readonly path: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Parsed JSON, or what was uploaded. */
  readonly body: Readonly<Record<string, unknown>>
  readonly bytes: Uint8Array
  readonly mediaType: string
  /** Login of the token. */
  readonly by: string
  /** Whether the token may see drafts. */
  readonly mayPush: boolean
  /** Whether it may set labels. */
  readonly mayLabel: boolean
  /** Where the server listens, e.g. http://127.0.0.1:12345 */
  readonly address: string
}

export interface Answer {
  readonly status: number
  /** What GitHub says of it besides what it always says; a list is given out in pages. Undefined for none. */
  readonly given?: unknown
  /** Name of the list in the answer, where it is not the answer itself. */
  readonly list?: string
}

/** @throws it: the server answers so */
export const refuse = (status: number, message: string, errors?: readonly object[]): Error =>
  Object.assign(new Error(message), { status, errors })

export const notFound = (): Error => refuse(404, 'Not Found')
export const invalid = (resource: string, field: string, code: string, message?: string): Error =>
  refuse(422, 'Validation Failed', [{ resource, field, code, ...(message === undefined ? {} : { message }) }])

export const text = (value: unknown, or = ''): string => (typeof value === 'string' ? value : or)
export const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []

export const user = (login: string) => ({ login, type: login.endsWith('[bot]') ? 'Bot' : 'User' })
export const page = (state: GitHubState): string => `https://github.test/${state.repository}`

/** GitHub counts characters. */
export function checkBody(resource: string, body: unknown, most: number): void {
  if ([...text(body)].length > most)
    throw invalid(resource, 'body', 'custom', `body is too long (maximum is ${most} characters)`)
}
