interface Parts {
  readonly epoch: number
  readonly upstream: string
  readonly revision: string
}

function partsOf(version: string): Parts {
  const colon = version.indexOf(':')
  const rest = version.slice(colon + 1)
  const dash = rest.lastIndexOf('-')
  return {
    epoch: colon === -1 ? 0 : Number.parseInt(version.slice(0, colon), 10) || 0,
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    // No revision sorts like revision 0.
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  }
}

const isDigit = (char: string | undefined): boolean => char !== undefined && char >= '0' && char <= '9'

/** A tilde sorts before the end, the end before letters, letters before all else. */
function weight(char: string | undefined): number {
  if (char === undefined || isDigit(char)) return 0
  if (char === '~') return -1
  return /[A-Za-z]/.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 256
}

function comparePart(a: string, b: string): number {
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a[i])) || (j < b.length && !isDigit(b[j]))) {
      const difference = weight(a[i]) - weight(b[j])
      if (difference !== 0) return difference
      i += 1
      j += 1
    }
    while (a[i] === '0') i += 1
    while (b[j] === '0') j += 1
    let first = 0
    while (isDigit(a[i]) && isDigit(b[j])) {
      if (first === 0) first = a.charCodeAt(i) - b.charCodeAt(j)
      i += 1
      j += 1
    }
    if (isDigit(a[i])) return 1
    if (isDigit(b[j])) return -1
    if (first !== 0) return first
  }
  return 0
}

/** Order of two Debian versions (Policy 5.6.12: epoch, upstream, revision): below, equal to or above 0. */
export function compareDebianVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)]
  return (
    left.epoch - right.epoch ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  )
}
