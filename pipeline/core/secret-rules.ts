import { type SecretRule, SecretRules } from '../model/secret-rules.ts'
import type { SecretFinding } from '../model/stages.ts'
import { compare } from './lists.ts'
import { parseYaml } from './parse-yaml.ts'

/** A rule with its expressions made, so that no file is read with a rule that can't be. */
export interface CompiledRule extends Omit<SecretRule, 'paths' | 'regex' | 'except'> {
  readonly paths: RegExp | null
  readonly regex: RegExp
  readonly except: readonly RegExp[]
}

/**
 * Reads `scans/secret-rules.yaml`.
 * @throws MintmarkError CONFIG_INVALID with every problem's place
 */
export function parseSecretRules(text: string, path: string): readonly CompiledRule[] {
  const { rules } = parseYaml(SecretRules, text, {
    path,
    check: (value) =>
      value.rules.flatMap(({ id }, index) =>
        value.rules.findIndex((rule) => rule.id === id) === index
          ? []
          : [{ path: ['rules', index, 'id'], text: `is "${id}": an id is given once` }],
      ),
  })
  return rules.map((rule) => ({
    ...rule,
    paths: rule.paths === undefined ? null : new RegExp(rule.paths),
    regex: new RegExp(rule.regex, 'gm'),
    except: rule.except.map((pattern) => new RegExp(pattern)),
  }))
}

/** Every text by which a file is picked, each once. */
export const keywordsOf = (rules: readonly CompiledRule[]): readonly string[] => [
  ...new Set(rules.flatMap(({ keywords }) => keywords)),
]

/** The paths that a rule without keywords picks. */
export function pathsToRead(rules: readonly CompiledRule[], paths: readonly string[]): readonly string[] {
  const byPath = rules.flatMap(({ keywords, paths: wanted }) =>
    keywords.length === 0 && wanted !== null ? [wanted] : [],
  )
  return paths.filter((path) => byPath.some((wanted) => wanted.test(path)))
}

/** Longer than any match: what the end of one piece and the beginning of the next share. */
const overlap = 16 << 10

export interface RuleHit {
  readonly rule: CompiledRule
  /** From 1, of the first match. */
  readonly line: number
}

function newlinesIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1
  return count
}

/** The first match that is no example; null when there is none. */
function firstMatch(rule: CompiledRule, text: string, isFirst: boolean, isLast: boolean): number | null {
  for (const match of text.matchAll(rule.regex)) {
    const [found] = match
    // What touches an inner edge may go on behind it, or have begun before it: the neighbouring piece has it whole.
    if (!isFirst && match.index === 0) continue
    if (!isLast && match.index + found.length === text.length) continue
    if (!rule.except.some((example) => example.test(found))) return match.index
  }
  return null
}

/**
 * Looks for secrets in one file that comes in pieces; memory: one piece. Each rule tells its first match only, and never
 * what it matched.
 */
export function searchFile(
  rules: readonly CompiledRule[],
  path: string,
): { push(chunk: Uint8Array): void; end(): readonly RuleHit[] } {
  let open = rules.filter(({ paths }) => paths === null || paths.test(path))
  const hits: RuleHit[] = []
  let text = ''
  let lines = 1
  let isFirst = true
  const look = (isLast: boolean): void => {
    open = open.filter((rule) => {
      const { keywords } = rule
      if (keywords.length > 0 && !keywords.some((keyword) => text.includes(keyword))) return true
      const at = firstMatch(rule, text, isFirst, isLast)
      if (at !== null) hits.push({ rule, line: lines + newlinesIn(text.slice(0, at)) })
      return at === null
    })
  }
  return {
    push(chunk) {
      // One byte, one character: no piece can be torn apart inside of a character.
      text += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
      if (text.length < overlap * 4) return
      look(false)
      const rest = text.slice(-overlap)
      lines += newlinesIn(text.slice(0, -overlap))
      text = rest
      isFirst = false
    },
    end() {
      look(true)
      return hits
    },
  }
}

/** Trivy's findings and our own, sorted by path: what both found in a file is one entry, Trivy's, with our line. */
export function mergeSecrets(
  trivy: readonly SecretFinding[],
  own: readonly SecretFinding[],
  rules: readonly CompiledRule[],
): readonly SecretFinding[] {
  const merged = [...trivy]
  for (const finding of own) {
    const same = rules.find(({ id }) => id === finding.rule)?.trivy ?? []
    const at = merged.findIndex(({ path, rule }) => path === finding.path && same.includes(rule))
    const known = merged[at]
    if (known === undefined) merged.push(finding)
    else if (finding.line !== undefined) merged[at] = { line: finding.line, ...known }
  }
  return merged.sort((a, b) => compare(a.path, b.path) || compare(a.rule, b.rule))
}
