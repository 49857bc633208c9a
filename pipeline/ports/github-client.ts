import { setTimeout as sleep } from 'node:timers/promises'
import { MintmarkError } from '../errors.ts'

export interface GitHubAddress {
  readonly url: string
  readonly token: string
  readonly signal: AbortSignal
  /** How long a second of waiting is; a test has none. */
  readonly secondMs: number
}

const answerMs = 30_000
/** An asset has up to some MB, on a slow line. */
const uploadMs = 600_000
/** More than this is for another run to wait for. */
const mostSeconds = 300
const mostWaits = 3
/** How often an answer of 5xx, or none at all, is asked for once more. */
const mostRetries = 2

/** A name or an address of this machine itself, where a stand-in or a proxy listens. */
const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host)

/** @throws MintmarkError USAGE for what is no address, or one that would show the token to the network */
export function checkedAddress(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLoopback(parsed.hostname)))
    return url.replace(/\/+$/, '')
  throw new MintmarkError('USAGE', `GITHUB_API_URL is "${url}": expected an https address`, {
    hint: 'GitHub sets it itself: leave it as it is',
  })
}

/** Every attempt ends: by an answer, its deadline, or because we are stopped. */
const timely =
  (signal: AbortSignal): typeof globalThis.fetch =>
  (input, init) => {
    const deadline = AbortSignal.timeout(init?.body instanceof Uint8Array ? uploadMs : answerMs)
    return fetch(input, { ...init, signal: AbortSignal.any([signal, deadline]) })
  }

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** A group of the throttling plugin that keeps nobody waiting. */
const unpaced = {
  key: () => ({
    schedule: (_: unknown, work: (...args: unknown[]) => unknown, ...args: unknown[]) => work(...args),
  }),
}

/**
 * The SDK, loaded when it is first needed. It waits between writes as GitHub asks for, and what it refuses for being too much is asked
 * again, with an end. `request: noRetry` is for what would be there twice when only the answer was lost.
 */
export async function connect({ url, token, signal, secondMs }: GitHubAddress) {
  const [{ Octokit }, { retry }, { throttling }] = await Promise.all([
    import('@octokit/rest'),
    import('@octokit/plugin-retry'),
    import('@octokit/plugin-throttling'),
  ])
  // The wait is ours, so that it ends when we are stopped.
  const wait = async (seconds: number, _: unknown, __: unknown, waited: number): Promise<boolean> => {
    if (seconds > mostSeconds || waited >= mostWaits) return false
    await sleep(seconds * secondMs, undefined, { signal })
    return true
  }
  const pace = secondMs > 0 ? {} : { write: unpaced, notifications: unpaced }
  const options = {
    auth: token,
    baseUrl: url,
    userAgent: 'mintmark',
    log: silent,
    request: { fetch: timely(signal), log: silent },
    retry: { retries: mostRetries, retryAfterBaseValue: secondMs, doNotRetry },
    throttle: { ...pace, retryAfterBaseValue: 0, onRateLimit: wait, onSecondaryRateLimit: wait },
  }
  const Client = Octokit.plugin(retry, throttling)
  return new Client(options as ConstructorParameters<typeof Client>[0])
}

/** 429 and the 403 of a limit are the throttling's. */
const doNotRetry = [400, 401, 403, 404, 409, 410, 422, 429, 451]

export type Client = Awaited<ReturnType<typeof connect>>

export const noRetry = { retries: 0 } as const
