import { isMap, isSeq, parseDocument } from 'yaml'
import { Waiver } from '../model/gate.ts'
import { canonicalJson } from './digest.ts'
import { subjectOf } from './waivers.ts'

const head = `# yaml-language-server: $schema=schema.json
# Findings that this team answers for. ./mintmark waive adds one; scans/README.md says what a status means.
schema: 1
waivers: []
`

export interface EditedWaivers {
  readonly text: string
  /** What was there about the same before; null when nothing was. */
  readonly was: Waiver | null
  readonly changed: boolean
}

/** Fields in the order that people read them. */
const asWritten = (waiver: Waiver): Readonly<Record<string, string>> => ({
  vulnerability: waiver.vulnerability,
  package: waiver.package,
  ...(waiver.image === undefined ? {} : { image: waiver.image }),
  status: waiver.status,
  reason: waiver.reason,
  owner: waiver.owner,
  expires: waiver.expires,
})

/**
 * A file of waivers with this one in it, comments and all else as they were; one about the same is replaced.
 * @param text of a file that was checked; null for one that is not there yet
 */
export function putWaiver(text: string | null, waiver: Waiver): EditedWaivers {
  const document = parseDocument(text ?? head, { version: '1.2' })
  const list: unknown = document.get('waivers', true)
  if (!isSeq(list)) throw new TypeError('a checked file of waivers has a list of them')
  const entries = list.items.map((item) => Waiver.parse(isMap(item) ? item.toJSON() : item))
  const index = entries.findIndex((entry) => subjectOf(entry) === subjectOf(waiver))
  const was = entries[index] ?? null
  if (was !== null && canonicalJson(was) === canonicalJson(waiver))
    return { text: text ?? head, was, changed: false }
  if (was === null) {
    if (list.items.length === 0) list.flow = false
    list.add(document.createNode(asWritten(waiver)))
  } else {
    const fields = asWritten(waiver)
    for (const [name, value] of Object.entries(fields)) document.setIn(['waivers', index, name], value)
  }
  return { text: document.toString({ lineWidth: 0, flowCollectionPadding: false }), was, changed: true }
}
