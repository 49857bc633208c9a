/** The value of an option that takes a text; null when it was not given. */
export function textOption(
  options: Readonly<Record<string, string | boolean | undefined>>,
  name: string,
): string | null {
  const value = options[name]
  return typeof value === 'string' ? value : null
}
