import type { WaiverFile } from '../model/gate.ts'
import { didYouMean } from './did-you-mean.ts'
import type { Finding } from './schema-findings.ts'
import { subjectOf } from './waivers.ts'

export interface WaiverContext {
  /** Teams that may own something; null when any team may. */
  readonly teams: readonly string[] | null
  /** Images that have a definition. */
  readonly images: readonly string[]
  /** What files that were read before have a waiver for, and where. */
  readonly elsewhere: ReadonlyMap<string, string>
}

const suggestion = (word: string, known: readonly string[], otherwise: string): string => {
  const meant = didYouMean(word, known)
  return meant === null ? otherwise : `; did you mean "${meant}"?`
}

/** What is wrong in a file of waivers that fits the schema. */
export function checkWaivers({ waivers }: WaiverFile, context: WaiverContext): readonly Finding[] {
  const { teams, images, elsewhere } = context
  const here = new Map<string, number>()
  return waivers.flatMap((waiver, index): readonly Finding[] => {
    const at = (field: string): readonly PropertyKey[] => ['waivers', index, field]
    const findings: Finding[] = []
    const { owner, image } = waiver
    if (teams !== null && !teams.includes(owner))
      findings.push({
        path: at('owner'),
        text: `is "${owner}", which is no team of mintmark.yaml${suggestion(owner, teams, ` (teams: ${teams.join(', ')}): add it there, or name one of them`)}`,
      })
    if (image !== undefined && !images.includes(image))
      findings.push({
        path: at('image'),
        text: `is "${image}", and there is no images/${image}.yaml${suggestion(image, images, `: remove the waiver, or name one of ${images.join(', ')}`)}`,
      })
    const subject = subjectOf(waiver)
    const first = here.get(subject)
    const other = first === undefined ? elsewhere.get(subject) : `waivers.${first}`
    if (other !== undefined)
      findings.push({
        path: at('vulnerability'),
        text: `is "${waiver.vulnerability}" for ${waiver.package}, which ${other} is about already: keep one of the two`,
      })
    if (first === undefined) here.set(subject, index)
    return findings
  })
}
