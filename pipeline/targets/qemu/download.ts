import { MintmarkError } from '../../errors.ts'
import type { World } from '../../ports/world.ts'

const aptHelper = '/usr/lib/apt/apt-helper'

export interface DownloadOptions {
  /** What to do when it can't be had. */
  readonly hint: string
  readonly timeoutMs: number
  /** In apt's form, e.g. SHA256:3f78…; checked while the bytes arrive. */
  readonly hash?: string
}

/**
 * One file over http or https, by apt's own downloader: it knows the proxies and certificates that this machine's apt is set
 * up with.
 * @throws MintmarkError PROVIDER_UNREACHABLE (the details say 404 when it is not there), BASE_REFUSED for another hash, TOOL_MISSING
 */
export async function downloadFile(
  world: World,
  url: string,
  to: string,
  options: DownloadOptions,
): Promise<void> {
  if ((await world.files.info(aptHelper)) === null)
    throw new MintmarkError('TOOL_MISSING', `${aptHelper} (package apt) is not on this machine`)
  const settings = [
    'Acquire::Retries=2',
    'Acquire::http::Timeout=20',
    'Acquire::https::Timeout=20',
    'APT::Sandbox::User=root',
  ]
  const hash = options.hash === undefined ? [] : [options.hash]
  const argv = [aptHelper, ...settings.flatMap((item) => ['-o', item]), 'download-file', url, to, ...hash]
  const { code, stderr } = await world.exec.run(argv, {
    ok: 'any',
    timeoutMs: options.timeoutMs,
    leash: 'child',
  })
  if (code === 0) return
  const details = stderr.split('\n').filter((line) => /^(?:E:|W:|\s+-)/.test(line))
  if (/Hash Sum mismatch/.test(stderr)) {
    throw new MintmarkError('BASE_REFUSED', `${url} is not what was signed: its digest is another one`, {
      hint: options.hint,
      details,
    })
  }
  throw new MintmarkError('PROVIDER_UNREACHABLE', `${url} can't be had`, { hint: options.hint, details })
}
