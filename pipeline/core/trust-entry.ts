import { stringify } from 'yaml'
import { dayMs } from './days.ts'

type Signer =
  | { readonly kind: 'key'; readonly keyid: string; readonly pem: string }
  | { readonly kind: 'identity'; readonly issuer: string; readonly subject: string }

const dayOf = (date: Date): string => date.toISOString().slice(0, 10)

/** Who signs, as an entry of `scans/policies/trust.yaml`: trusted from today for a year. */
export function renderTrustEntry(signer: Signer, now: Date): string {
  const name = 'team-NAME release job'
  const days = { from: dayOf(now), until: dayOf(new Date(now.getTime() + 365 * dayMs)) }
  const entry =
    signer.kind === 'key'
      ? { keys: [{ keyid: signer.keyid, name, publicKey: signer.pem, ...days }] }
      : { identities: [{ issuer: signer.issuer, subject: signer.subject, name, ...days }] }
  const [list] = Object.keys(entry)
  // A second list of that name would be refused.
  const where = `# into scans/policies/trust.yaml: the entry below goes below its "${list}:", in place of []`
  return `${where}\n${stringify(entry, { lineWidth: 0 }).trimEnd()}`
}
