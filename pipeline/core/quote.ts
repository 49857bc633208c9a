import { MintmarkError } from '../errors.ts'

/**
 * One word of a POSIX shell that stands for exactly this text, whatever is in it.
 * @throws MintmarkError CONFIG_INVALID for a NUL, which no shell can hold
 */
export function shellQuote(text: string): string {
  if (text.includes('\0')) {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `${JSON.stringify(text)} has a NUL in it, which a shell can't hold`,
    )
  }
  return `'${text.replaceAll("'", "'\\''")}'`
}
