import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { checkout } from './world.ts'

/** Paths below a folder of the checkout, relative to the checkout, sorted. */
export function pathsBelow(folder: string, wanted: (path: string) => boolean): readonly string[] {
  const found: string[] = []
  const walk = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory() && entry.name !== 'node_modules') walk(path)
      else if (entry.isFile() && wanted(path)) found.push(relative(checkout, path))
    }
  }
  walk(join(checkout, folder))
  return found.sort()
}

export const textOf = (path: string): string => readFileSync(join(checkout, path), 'utf8')

/** Module names that a TypeScript text imports, statically or not; `type` marks imports that leave no trace at run time. */
export function importsOf(text: string): readonly { readonly from: string; readonly typeOnly: boolean }[] {
  const found: { from: string; typeOnly: boolean }[] = []
  for (const match of text.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?'([^']+)'/gm)) {
    found.push({ from: match[2] ?? '', typeOnly: match[1] !== undefined })
  }
  for (const match of text.matchAll(/\bimport\('([^']+)'\)/g))
    found.push({ from: match[1] ?? '', typeOnly: false })
  return found
}
