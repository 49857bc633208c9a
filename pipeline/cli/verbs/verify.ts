import { columns } from '../../core/columns.ts'
import { errorTable, MintmarkError } from '../../errors.ts'
import { locateRelease } from '../../stages/read-release.ts'
import { trustedKeys, verifyRelease } from '../../stages/verify-release.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

/** `verify REF|FILE [--trust FILE]`: every link from the reference to the stored bytes; exit 9 when one is wrong. */
export const run: RunVerb = async ({ world, args, options }) => {
  const [ref] = args
  if (ref === undefined) {
    throw new MintmarkError('USAGE', 'verify needs a release or a file', {
      hint: './mintmark verify debian-13@1.0.0',
    })
  }
  const trustFile = textOption(options, 'trust')
  const trust = await trustedKeys(world, trustFile)
  const located = await locateRelease(world, ref)
  const { ok, anchored, links, release } = await verifyRelease(world, located, {
    trust,
    onlyTrust: trustFile !== null,
    blobs: true,
  })
  const name = `${located.image}@${located.version}`
  const wrong = links.filter((link) => !link.right)
  const lines = columns(links.map((link) => [link.right ? '✓' : '✗', link.name, link.text]))
  const verdict = ok
    ? `${name} is unchanged${anchored ? '' : ', and unanchored: only this machine vouches for it'}`
    : `${name} is not what was signed: ${[...new Set(wrong.map((link) => link.name))].join(', ')}\n→ ${errorTable.VERIFY_FAILED.hint}`
  world.report.result(`${lines}\n${verdict}`, {
    ok,
    anchored,
    image: located.image,
    version: located.version,
    variant: located.variant,
    sha256: release?.statement.predicate.artifact.sha256 ?? null,
    record: release?.record ?? null,
    links,
  })
  return ok ? 0 : errorTable.VERIFY_FAILED.exit
}
