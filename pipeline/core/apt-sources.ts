import { MintmarkError } from '../errors.ts'

/** Base URLs of Debian's two archives, without a slash at the end. Where packages come from, never what they are. */
export interface Mirror {
  readonly archive: string
  readonly security: string
}

/** What is used where neither a setting nor the machine's own sources name a mirror. */
export const debianMirror: Mirror = {
  archive: 'http://deb.debian.org/debian',
  security: 'http://deb.debian.org/debian-security',
}

/** URIs of the `deb` lines of a `*.list` file, in order. */
export function urisOfList(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    // deb [ option=value ... ] URI suite component ...
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+\S/.exec(line.replace(/#.*$/, ''))
    return match?.[1] === undefined ? [] : [match[1]]
  })
}

/** Fields of one deb822 stanza, names in lower case; a continued value keeps its words. */
function fieldsOf(stanza: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  let last = ''
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue
    const field = /^([!-9;-~]+):(.*)$/.exec(line)
    if (field !== null) {
      last = (field[1] ?? '').toLowerCase()
      fields.set(last, (field[2] ?? '').trim())
    } else if (/^[ \t]/.test(line) && last !== '') {
      fields.set(last, `${fields.get(last) ?? ''} ${line.trim()}`.trim())
    }
  }
  return fields
}

const words = (value: string | undefined): readonly string[] =>
  (value ?? '').split(/\s+/).filter((word) => word !== '')

/** URIs of the enabled `deb` stanzas of a `*.sources` file (deb822), in order. */
export function urisOfSources(text: string): readonly string[] {
  return text.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = fieldsOf(stanza)
    const disabled = /^(no|false|0|off|without|disable)$/i.test(fields.get('enabled') ?? 'yes')
    return disabled || !words(fields.get('types')).includes('deb') ? [] : words(fields.get('uris'))
  })
}

function asHttp(uri: string): URL | null {
  const url = URL.canParse(uri) ? new URL(uri) : null
  // What carries a password would end up in a command line: it is no mirror for us.
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
    ? url
    : null
}

const bare = (url: URL): string => url.href.replace(/\/+$/, '')

/** The first http(s) URI whose path ends in `/debian` (archive) or `/debian-security`; null where there is none. */
export function mirrorAmong(uris: readonly string[]): {
  readonly archive: string | null
  readonly security: string | null
} {
  const urls = uris.map(asHttp).filter((url) => url !== null)
  const first = (ending: RegExp): string | null => {
    const url = urls.find((candidate) => ending.test(candidate.pathname))
    return url === undefined ? null : bare(url)
  }
  return { archive: first(/\/debian\/*$/), security: first(/\/debian-security\/*$/) }
}

/**
 * A mirror as a person set it.
 * @throws MintmarkError CONFIG_INVALID when it is no plain http(s) URL
 */
export function mirrorSetting(name: string, value: string): string {
  const url = asHttp(value)
  if (url === null || url.search !== '' || url.hash !== '') {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `${name} is ${JSON.stringify(value.replace(/\/\/[^/@]*@/, '//***@'))}, which is no http or https URL without a password`,
      {
        hint: `export ${name}=${name.includes('SECURITY') ? debianMirror.security : debianMirror.archive}`,
      },
    )
  }
  return bare(url)
}
