import type { WaiverFile } from '../model/gate.ts'
import { suggestion, unknownTeam } from './did-you-mean.ts'
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

/** What is wrong in a file of waivers that fits the schema. */
export function checkWaivers({ waivers }: WaiverFile, context: WaiverContext): readonly Finding[] {
  const { teams, images, elsewhere } = context
  const here = new Map<string, number>()
  return waivers.flatMap((waiver, index): readonly Finding[] => {
    const at = (field: string): readonly PropertyKey[] => ['waivers', index, field]
    const findings: Finding[] = []
    const { owner, image } = waiver
    const noTeam = unknownTeam(owner, teams)
    if (noTeam !== null) findings.push({ path: at('owner'), text: noTeam })
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
