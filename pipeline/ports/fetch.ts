import { MintmarkError } from '../errors.ts'

export interface FetchOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** The body behind an http or https URL; what is asked for with TLS comes with TLS, wherever it leads. @throws MintmarkError PROVIDER_UNREACHABLE */
export type Fetch = (url: string, options: FetchOptions) => Promise<Uint8Array>

export const fetchBytes: Fetch = async (url, options) => {
  const deadline = AbortSignal.timeout(options.timeoutMs)
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
  try {
    const response = await fetch(url, { signal, redirect: 'follow' })
    if (url.startsWith('https:') && !response.url.startsWith('https:'))
      throw new MintmarkError('PROVIDER_UNREACHABLE', `${url} leads to an address without TLS`)
    if (!response.ok) throw new MintmarkError('PROVIDER_UNREACHABLE', `${url} answered ${response.status}`)
    return new Uint8Array(await response.arrayBuffer())
  } catch (cause) {
    if (cause instanceof MintmarkError) throw cause
    throw new MintmarkError('PROVIDER_UNREACHABLE', `${url} can't be reached`, { cause })
  }
}
