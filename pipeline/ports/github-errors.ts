import { MintmarkError } from '../errors.ts'

/** What was asked of GitHub. */
export interface Asked {
  /** After "GitHub refuses to", e.g. `open an issue`. */
  readonly what: string
  /** As a job's `permissions:` name it, e.g. `issues: write`; several when one of them is enough. */
  readonly needs: readonly string[]
  /** What else helps when it is refused and the permission is there; null for nothing. */
  readonly otherwise: string | null
  readonly repository: string
}

interface Failure {
  /** Of the answer; null when there was none. */
  readonly status: number | null
  readonly message: string
  readonly headers: Readonly<Record<string, unknown>>
  /** What there was instead of an answer. */
  readonly cause: unknown
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** GitHub's own words on one line: names that people chose are among them. */
const inShort = (text: string): string =>
  text
    .replace(/ - https:\/\/docs\.github\.com\S*$/, '')
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, 300)

/** Only what an answer says is looked at: the error of the SDK holds the request with it. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof Error))
    return { status: null, message: String(error), headers: {}, cause: undefined }
  const response = 'response' in error && isRecord(error.response) ? error.response : null
  const status = response !== null && typeof response['status'] === 'number' ? response['status'] : null
  const headers = response !== null && isRecord(response['headers']) ? response['headers'] : {}
  return { status, message: inShort(error.message), headers, cause: error.cause }
}

const isLimit = ({ status, message, headers }: Failure): boolean =>
  status === 429 ||
  (status === 403 && (headers['x-ratelimit-remaining'] === '0' || /rate limit/i.test(message)))

/** What an error of the SDK means to a person. The token is in none of it. */
export function explainGithub(error: unknown, { what, needs, otherwise, repository }: Asked): MintmarkError {
  if (error instanceof MintmarkError) return error
  const failure = failureOf(error)
  const { status, message, cause } = failure
  const refused = (why: string, hint: string): MintmarkError =>
    new MintmarkError('PROVIDER_REFUSED', `GitHub refuses to ${what} in ${repository}: ${why}`, { hint })
  if (status === null)
    return new MintmarkError('PROVIDER_UNREACHABLE', `GitHub can't be reached to ${what}: ${message}`, {
      hint: 'check the network, then run the same command again: what was done is found and not repeated',
      cause,
    })
  if (isLimit(failure))
    return new MintmarkError('PROVIDER_UNREACHABLE', `GitHub asks to wait too long to ${what}: ${message}`, {
      hint: 'run the same command again in an hour: the limit of requests is of one hour',
    })
  if (status === 401)
    return refused(
      'it does not know the token',
      `give the step its job's: env: GITHUB_TOKEN: \${{ github.token }}`,
    )
  if (status === 403 && /not permitted to create or approve pull requests/i.test(message))
    return refused(
      message,
      'allow it in the repository: Settings, Actions, General, Allow GitHub Actions to create and approve pull requests',
    )
  if (status === 403 || status === 404) {
    const permission = `give the job the permission ${needs.map((need) => `"${need}"`).join(' or ')} below permissions:`
    return refused(
      `${message} (${status})`,
      otherwise === null ? permission : `${permission}; where it has that, ${otherwise}`,
    )
  }
  if (status === 410)
    return refused(`${message} (410)`, 'turn the issues of the repository on: Settings, General, Features')
  if (status < 500)
    return refused(`${message} (${status})`, 'see what is there already, then run the same command again')
  return new MintmarkError('PROVIDER_UNREACHABLE', `GitHub answers ${status} to ${what}: ${message}`, {
    hint: 'run the same command again: what was done is found and not repeated',
  })
}
