export interface Secret {
  readonly name: string
  readonly value: Uint8Array
}

/** One way in which a secret may be written. */
export interface Pattern {
  readonly secret: string
  readonly encoding: 'raw' | 'base64' | 'hex'
  readonly bytes: Uint8Array
}

/** Fewer bytes than this may stand in an image by chance: their absence proves nothing. */
export const leastSecretBytes = 8

/** The value without the line end that editors put at the end of a file. */
export function secretCore(value: Uint8Array): Uint8Array {
  let end = value.length
  while (end > 0 && (value[end - 1] === 0x0a || value[end - 1] === 0x0d)) end -= 1
  return value.subarray(0, end)
}

/**
 * The characters of a base64 text that this value alone decides, when it begins `shift` bytes (0, 1, 2) after a multiple of
 * three: a longer text around it changes the others.
 */
function base64At(value: Uint8Array, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), value]).toString('base64')
  const first = Math.ceil((shift * 8) / 6)
  const end = Math.floor(((shift + value.length) * 8) / 6)
  return text.slice(first, end)
}

/** The longest line of a value of several: logs tear values apart at line ends. Null for a value of one line, and where it is short. */
function longestLine(core: Uint8Array): Uint8Array | null {
  const lines = Buffer.from(core).toString('latin1').split(/\r?\n/)
  const [longest = ''] = [...lines].sort((a, b) => b.length - a.length)
  return lines.length > 1 && longest.length >= 24 ? Buffer.from(longest, 'latin1') : null
}

/** What to look for: the bytes themselves, base64 (also of the URL alphabet) in its three alignments, hex in both cases. */
export function secretPatterns(secrets: readonly Secret[]): readonly Pattern[] {
  return secrets.flatMap(({ name, value }) => {
    const core = secretCore(value)
    const texts = new Map<string, Pattern['encoding']>()
    for (const shift of [0, 1, 2]) {
      const text = base64At(core, shift)
      texts.set(text, 'base64')
      texts.set(text.replaceAll('+', '-').replaceAll('/', '_'), 'base64')
    }
    const line = longestLine(core)
    const hex = Buffer.from(core).toString('hex')
    texts.set(hex, 'hex').set(hex.toUpperCase(), 'hex')
    return [
      { secret: name, encoding: 'raw', bytes: core },
      ...(line === null ? [] : [{ secret: name, encoding: 'raw' as const, bytes: line }]),
      ...[...texts].map(([text, encoding]) => ({
        secret: name,
        encoding,
        bytes: Buffer.from(text, 'latin1'),
      })),
    ] satisfies readonly Pattern[]
  })
}

export interface Sighting {
  readonly secret: string
  readonly encoding: Pattern['encoding']
  /** Bytes from the beginning of what was searched. */
  readonly offset: number
}

/** Looks for patterns in a stream that comes in chunks of any size; memory: one chunk. Tells the first place of each secret. */
export function searchChunks(patterns: readonly Pattern[]): {
  push(chunk: Uint8Array): void
  readonly found: readonly Sighting[]
} {
  const longest = Math.max(0, ...patterns.map(({ bytes }) => bytes.length))
  const sightings: Sighting[] = []
  let before = Buffer.alloc(0)
  let zeros = Buffer.alloc(0)
  let offset = 0
  return {
    found: sightings,
    push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      if (zeros.length < bytes.length) zeros = Buffer.alloc(bytes.length)
      // A disk is mostly zeros: of those, only what could end a value that began in the chunk before.
      const empty = bytes.equals(zeros.subarray(0, bytes.length))
      const edge = Buffer.concat([before, bytes.subarray(0, longest)])
      for (const { secret, encoding, bytes: wanted } of patterns) {
        if (sightings.some((sighting) => sighting.secret === secret)) continue
        const across = edge.indexOf(wanted)
        const inside = across === -1 && !empty ? bytes.indexOf(wanted) : -1
        if (across !== -1) sightings.push({ secret, encoding, offset: offset - before.length + across })
        else if (inside !== -1) sightings.push({ secret, encoding, offset: offset + inside })
      }
      offset += bytes.length
      const keep = Math.max(0, longest - 1)
      const tail = bytes.length >= keep ? bytes : Buffer.concat([before, bytes])
      // A copy: the caller may use the chunk's memory again.
      before = Buffer.from(tail.subarray(Math.max(0, tail.length - keep)))
    },
  }
}

/** The text with every secret's value (raw, base64, hex) taken out of it. */
export function withoutSecrets(text: string, patterns: readonly Pattern[]): string {
  return patterns.reduce((rest, { secret, bytes }) => {
    const value = Buffer.from(bytes).toString('utf8')
    return value === '' ? rest : rest.replaceAll(value, () => `[secret ${secret}]`)
  }, text)
}
