import type { AwsTarget } from '../model/aws-target.ts'

/**
 * How a region is asked for the definition's key: an alias is each region's own, a multi-Region key has one id in all. Null for a key that is of
 * another region alone.
 */
export function keyOfRegion(
  { encrypt, build }: Pick<AwsTarget, 'encrypt' | 'build'>,
  region: string,
): string | null {
  const { key } = encrypt
  const own = encrypt.regions?.[region]
  if (own !== undefined) return own
  if (region === build.region) return key
  const [, , , of = null, , name = key] = key.split(':')
  const everywhere = name.startsWith('alias/') || /^(?:key\/)?mrk-/.test(name)
  if (everywhere) return of === null ? key : key.replace(`:${of}:`, `:${region}:`)
  return of === region ? key : null
}
