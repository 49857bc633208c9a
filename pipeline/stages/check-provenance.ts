import { parseEnvelope } from '../core/dsse.ts'
import { parseProvenance, provenanceOf, provenancePayload, provenanceReport } from '../core/provenance.ts'
import { MintmarkError } from '../errors.ts'
import type { World } from '../ports/world.ts'
import type { Trust } from './chain.ts'
import { checkSignature, shortDigest } from './check-signature.ts'
import type { Release } from './read-release.ts'

interface Checked {
  readonly right: boolean
  readonly text: string
}

const wrong = (text: string): Checked => ({ right: false, text })

/**
 * The provenance that a record names: stored as it was written, signed by somebody who counts, and of the very facts of the record.
 * Null for a record of before there was one. It throws for nothing that is stored.
 */
export async function checkProvenance(
  world: World,
  release: Release,
  { trust, onlyTrust }: Trust,
): Promise<Checked | null> {
  const record = release.statement.predicate
  const wanted = provenanceOf(record)
  const report = record.reports[provenanceReport]
  if (wanted === null) return report === undefined ? null : wrong('the record names one, and not its builder')
  if (report === undefined) return wrong('the record names its builder, and no provenance')
  const at = shortDigest(report.sha256)
  const state = await world.catalog.checkBlob(report.sha256)
  if (state.status === 'missing') return wrong(`${at} is missing`)
  if (state.status === 'corrupt') return wrong(`${at} now is ${shortDigest(state.found)}`)
  try {
    const text = Buffer.from(await world.catalog.getBlob(report.sha256)).toString('utf8')
    const { envelope, payload } = parseEnvelope(text, 'it')
    const { predicate } = parseProvenance(payload)
    const day = record.created.slice(0, 10)
    // A record that is known from before a theft names these very bytes.
    const known = trust.map((signer) =>
      signer.kind === 'key' && signer.stillTrusted.includes(release.record)
        ? { ...signer, stillTrusted: [...signer.stillTrusted, report.sha256] }
        : signer,
    )
    const signed = await checkSignature(world, { envelope, payload, day }, known, !onlyTrust)
    if (!signed.right) return wrong(`${at} is not signed as it has to be: ${signed.text}`)
    const { invocationId } = predicate.runDetails.metadata
    if (!Buffer.from(provenancePayload(wanted)).equals(payload))
      return wrong(`${at} is of ${invocationId} and does not say the same as the record of ${record.run}`)
    return { right: true, text: `${at}, SLSA v1, says the same as the record; ${signed.text}` }
  } catch (cause) {
    if (!(cause instanceof MintmarkError)) throw cause
    return wrong(`${at}: ${cause.message}`)
  }
}
