import { columns } from '../../core/columns.ts'
import { variantOf } from '../../core/statement.ts'
import { renderTrustEntry } from '../../core/trust-entry.ts'
import { errorTable, MintmarkError } from '../../errors.ts'
import type { Statement } from '../../model/release.ts'
import type { Trust } from '../../stages/chain.ts'
import { locateRelease } from '../../stages/read-release.ts'
import { readRecordFile, verifyRecordFile } from '../../stages/verify-file.ts'
import { type Link, trustedKeys, untrustedHint, verifyRelease } from '../../stages/verify-release.ts'
import { textOption } from '../options.ts'
import type { RunVerb, VerbInput } from '../verb.ts'

interface Found {
  readonly name: string
  readonly ok: boolean
  readonly anchored: boolean
  readonly untrusted: boolean
  readonly lookedAtImage: boolean
  readonly links: readonly Link[]
  readonly record: string | null
  readonly statement: Statement | null
  /** Where it claims to be, or is. */
  readonly place: { readonly image: string; readonly version: string; readonly variant: string } | null
}

async function verifyRef({ world }: VerbInput, ref: string, trust: Trust): Promise<Found> {
  const text = await readRecordFile(world, ref)
  if (text !== null) {
    const { statement, ...found } = await verifyRecordFile(world, { path: ref, text }, trust)
    return { ...found, statement, name: ref, place: null }
  }
  const located = await locateRelease(world, ref)
  const { image, version, variant } = located
  const { ok, anchored, untrusted, links, release } = await verifyRelease(world, located, {
    ...trust,
    blobs: true,
    strayed: true,
  })
  return {
    name: `${image}@${version}`,
    ok,
    anchored,
    untrusted,
    lookedAtImage: true,
    links,
    record: release?.record ?? null,
    statement: release?.statement ?? null,
    place: { image, version, variant },
  }
}

/**
 * `verify REF|FILE [--trust FILE] [--sigstore-root FILE]`: every link from the reference to the stored bytes; exit 9 when one is
 * wrong. `verify --print-key`: who signs here, as an entry of trust.yaml.
 */
export const run: RunVerb = async (input) => {
  const { world, args, options } = input
  if (options['printKey'] === true) {
    if (args.length > 0)
      throw new MintmarkError('USAGE', `--print-key prints who signs here, and takes no "${args[0]}"`, {
        hint: './mintmark verify --print-key',
      })
    const isNew = world.keys.kind === 'file' && (await world.keys.existing()) === null
    const signer = await world.keys.signer()
    if (isNew) world.report.note('nothing was signed on this machine before: this key is new')
    world.report.result(renderTrustEntry(signer, world.clock.now()), signer)
    return 0
  }
  const [ref] = args
  if (ref === undefined) {
    throw new MintmarkError('USAGE', 'verify needs a release or a file', {
      hint: './mintmark verify debian-13@1.0.0',
    })
  }
  const trustFile = textOption(options, 'trust')
  const trust = await trustedKeys(world, trustFile, textOption(options, 'sigstoreRoot'))
  const found = await verifyRef(input, ref, { trust, onlyTrust: trustFile !== null })
  const { name, ok, anchored, untrusted, lookedAtImage, links, record, statement, place } = found
  const wrong = links.filter((link) => !link.right)
  const lines = columns(links.map((link) => [link.right ? '✓' : '✗', link.name, link.text]))
  const names = [...new Set(wrong.map((link) => link.name))].join(', ')
  const unlooked = lookedAtImage ? '' : '; no image was looked at'
  const loose = anchored ? '' : ', and unanchored: only this machine vouches for it'
  const verdict = ok
    ? `${name} is unchanged${loose}${unlooked}`
    : untrusted
      ? `${name} is signed by nobody who is trusted here (${names})\n→ ${untrustedHint}`
      : `${name} is not what was signed: ${names}\n→ ${errorTable.VERIFY_FAILED.hint}`
  const predicate = statement?.predicate ?? null
  world.report.result(`${lines}\n${verdict}`, {
    ok,
    anchored,
    untrusted,
    lookedAtImage,
    image: place?.image ?? predicate?.image ?? null,
    version: place?.version ?? predicate?.version ?? null,
    variant: place?.variant ?? (predicate === null ? null : variantOf(predicate)),
    sha256: predicate?.artifact.sha256 ?? null,
    record,
    links,
  })
  return ok ? 0 : errorTable.VERIFY_FAILED.exit
}
