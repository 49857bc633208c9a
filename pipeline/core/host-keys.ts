const line = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) (AAAA[A-Za-z0-9+/]+={0,2})(?: |$)/

/** The type that a key's own bytes begin with. */
function typeInside(key: string): string {
  const bytes = atob(key.slice(0, 64 - (64 % 4)))
  const length = (bytes.charCodeAt(2) << 8) | bytes.charCodeAt(3)
  return bytes.slice(4, 4 + length)
}

/**
 * Public host keys that cloud-init wrote to the console at the last boot, each `TYPE KEY`; empty when it has not (yet). A line that
 * something else wrote into is left out.
 */
export function hostKeysOnConsole(text: string): readonly string[] {
  const blocks = [
    ...text.matchAll(/-----BEGIN SSH HOST KEY KEYS-----([\s\S]*?)-----END SSH HOST KEY KEYS-----/g),
  ]
  const rows = (blocks.at(-1)?.[1] ?? '').split(/\r*\n/)
  return rows.flatMap((row) => {
    const [, type = '', key = ''] = line.exec(row.trim()) ?? []
    return key.length >= 64 && key.length % 4 === 0 && typeInside(key) === type ? [`${type} ${key}`] : []
  })
}

/**
 * Keys of a known_hosts file, each `TYPE KEY`, that the console does not have.
 * @param told as `hostKeysOnConsole` gives them
 */
export function strangeHostKeys(knownHosts: string, told: readonly string[]): readonly string[] {
  const seen = knownHosts.split('\n').flatMap((row) => {
    const [, type, key] = row.trim().split(' ')
    return type === undefined || key === undefined ? [] : [`${type} ${key}`]
  })
  return seen.filter((key) => !told.includes(key))
}
