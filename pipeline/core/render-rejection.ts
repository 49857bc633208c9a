import type { GateReason } from '../model/gate.ts'
import type { Rejected } from './emergency.ts'
import { visible } from './show-value.ts'

const headings: Readonly<Record<GateReason['kind'], string>> = {
  subject: 'not this image',
  secret: 'secrets',
  os: 'system',
  'package-count': 'packages',
  canary: 'vulnerability database',
  'stale-database': 'vulnerability database',
  'stale-exploited-list': 'known-exploited list',
  finding: 'vulnerabilities',
  waiver: 'expired waivers',
  control: 'hardening',
  fact: 'tests',
  exception: 'expired exceptions',
  'base-age': 'base',
}

const mostOfAKind = 25
const longest = 240

const shortened = (text: string): string => {
  const plain = visible(text)
  return plain.length > longest ? `${plain.slice(0, longest - 1)}…` : plain
}

/**
 * A rejection for people: by kind, worst first, each reason with what mends it; neighbours that one command mends share it.
 * @param rest where those are that are too many to be shown
 */
export function rejectionLines(
  { reasons, emergencyNote }: Rejected,
  rest = 'see gate.json in the run folder',
): readonly string[] {
  const lines: string[] = []
  const kinds = [...new Set(reasons.map(({ kind }) => headings[kind]))]
  for (const heading of kinds) {
    const all = reasons.filter(({ kind }) => headings[kind] === heading)
    const shown = all.slice(0, mostOfAKind)
    lines.push(`${heading}: ${all.length}`)
    for (const [index, { id, text, mend }] of shown.entries()) {
      lines.push(`  ${visible(id)}  ${shortened(text)}`)
      if (shown[index + 1]?.mend !== mend) lines.push(`      → ${visible(mend)}`)
    }
    if (all.length > shown.length) lines.push(`  … and ${all.length - shown.length} more: ${rest}`)
  }
  return emergencyNote === undefined ? lines : [...lines, visible(emergencyNote)]
}
