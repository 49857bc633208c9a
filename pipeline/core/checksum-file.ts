import { MintmarkError } from '../errors.ts'

export type ChecksumAlgorithm = 'sha256' | 'sha512'

const hexDigits = { sha256: 64, sha512: 128 } as const

/** One line: what it names and its digest; null for comments and other algorithms. */
function entryOf(line: string, algorithm: ChecksumAlgorithm): readonly [name: string, digest: string] | null {
  const digest = `([0-9a-f]{${hexDigits[algorithm]}})`
  // As sha256sum writes it, and as it does with --tag.
  const plain = new RegExp(`^${digest} [ *](\\S+)$`).exec(line)
  if (plain !== null) return [plain[2] ?? '', plain[1] ?? '']
  const tagged = new RegExp(`^${algorithm.toUpperCase()} \\((\\S+)\\) = ${digest}$`).exec(line)
  return tagged === null ? null : [tagged[1] ?? '', tagged[2] ?? '']
}

/** All files that a checksum file names, with their digests (lower-case hex), in order. */
export function checksumsIn(
  text: string,
  algorithm: ChecksumAlgorithm,
): readonly { readonly name: string; readonly digest: string }[] {
  return text.split('\n').flatMap((line) => {
    const entry = entryOf(line.trimEnd(), algorithm)
    return entry === null ? [] : [{ name: entry[0], digest: entry[1] }]
  })
}

/**
 * The digest of exactly this file.
 * @throws MintmarkError BASE_REFUSED when it is not there, or there with two digests
 */
export function checksumOf(text: string, algorithm: ChecksumAlgorithm, name: string, file: string): string {
  const digests = new Set(
    checksumsIn(text, algorithm)
      .filter((entry) => entry.name === name)
      .map((entry) => entry.digest),
  )
  const [digest, ...more] = digests
  if (digest === undefined) throw new MintmarkError('BASE_REFUSED', `${file} has no ${algorithm} of ${name}`)
  if (more.length > 0)
    throw new MintmarkError('BASE_REFUSED', `${file} has ${digests.size} different digests of ${name}`)
  return digest
}
