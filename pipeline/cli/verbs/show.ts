import { columns } from '../../core/columns.ts'
import { unique } from '../../core/lists.ts'
import { regionalImages } from '../../core/regional-copies.ts'
import { size } from '../../core/size.ts'
import { errorTable, MintmarkError } from '../../errors.ts'
import type { RecordPredicate } from '../../model/release.ts'
import type { World } from '../../ports/world.ts'
import { type Audit, auditRelease, findAudited } from '../../stages/audit.ts'
import { trustedKeys } from '../../stages/verify-release.ts'
import {
  bootRows,
  builderRows,
  controlRows,
  instanceRows,
  verifiedRows,
  whereaboutRows,
} from '../audit-rows.ts'
import { eventRows, regionRows } from '../event-rows.ts'
import { localTime } from '../local-time.ts'
import { textOption } from '../options.ts'
import { judgementRows, scanRows, sourceRows } from '../record-rows.ts'
import { showReport } from '../show-report.ts'
import type { RunVerb } from '../verb.ts'

type Row = readonly [name: string, text: string]

function reportRows(world: World, reports: RecordPredicate['reports']): readonly Row[] {
  const lines = columns(
    Object.entries(reports).map(([name, report]) => {
      return [name, `sha256:${report.sha256}`, size(report.bytes), world.catalog.blobAddress(report.sha256)]
    }),
  )
  return lines.split('\n').map((line, index): Row => [index === 0 ? 'reports' : '', line])
}

/** What is wrong, before and after all that is told: nobody may read past it. */
function warning({ answer, untrusted }: Audit): readonly string[] {
  const { believable, verified } = answer
  if (believable) return []
  const wrong = unique(verified.links.filter(({ right }) => !right).map(({ name }) => name))
  const why = untrusted ? 'nobody who is trusted here signed it' : 'what is stored is not what was signed'
  return [`✗ NOT TO BE BELIEVED: ${why} (${wrong.join(', ')})`]
}

function text(world: World, audit: Audit): string {
  const { answer, release, chain } = audit
  const { predicate } = release.statement
  const { artifact } = predicate
  const name = `${release.image}@${release.version}`
  const rows: readonly Row[] = [
    ...instanceRows(answer.what),
    ['image', `${name}, ${predicate.target}/${predicate.arch}`],
    ['channel', release.channels.join(', ') || 'none'],
    ['made', `${localTime(predicate.created)} by the run ${predicate.run}`],
    ['owner', predicate.owner],
    ['artifact', `sha256:${artifact.sha256}`],
    ['', `${artifact.format}, ${size(artifact.bytes)}, a disk of ${size(artifact.virtualBytes)}`],
    ['', answer.where.address],
    ...regionRows(artifact, chain.events),
    ...sourceRows(predicate),
    ...builderRows(answer.by),
    ...scanRows(predicate),
    ...judgementRows(predicate),
    ...bootRows(answer.tested),
    ...controlRows(answer.controls),
    ...whereaboutRows(answer),
    ...eventRows(chain),
    ['record', `sha256:${release.record}`],
    ...release.envelope.signatures.map((item): Row => ['key', `sha256:${item.keyid}`]),
    ...verifiedRows(answer.verified, name),
    ...reportRows(world, predicate.reports),
    ['log in', `./mintmark boot ${name}   (user ${predicate.login})`],
    ['check', `./mintmark verify ${name}`],
    ['take along', `./mintmark evidence ${name}`],
  ]
  const wrong = warning(audit)
  return [...wrong, columns(rows), ...wrong].join('\n')
}

function data(world: World, { answer, release, chain }: Audit) {
  const { predicate } = release.statement
  const regions = regionalImages(
    predicate.artifact,
    chain.events.map(({ event }) => event),
  )
  return {
    image: release.image,
    version: release.version,
    variant: release.variant,
    channels: release.channels,
    record: release.record,
    keyids: answer.by.keyids,
    anchored: answer.by.anchored,
    links: answer.verified.links,
    events: chain.events,
    brokenEvent: chain.broken,
    eventsBroken: answer.verified.eventsBroken,
    path: answer.where.path,
    ...(regions.length === 0 ? {} : { regions }),
    facts: predicate,
    reports: Object.fromEntries(
      Object.entries(predicate.reports).map(([key, report]) => [
        key,
        { ...report, path: world.catalog.blobPath(report.sha256) },
      ]),
    ),
    audit: answer,
  }
}

/**
 * `show REF`: what an auditor asks of a release, or of a machine that was started from one. Every link but the stored bytes is
 * checked; exit 9 when one is wrong.
 */
export const run: RunVerb = async (input) => {
  const { world, args, options } = input
  const [ref] = args
  if (ref === undefined) {
    throw new MintmarkError('USAGE', 'show needs a release', { hint: './mintmark show debian-13' })
  }
  const form = textOption(options, 'report')
  if (form !== null) return showReport(input, ref, form)
  for (const name of ['output', 'lang', 'stored'])
    if (options[name] !== undefined)
      throw new MintmarkError('USAGE', `--${name} is for a report, and --report is not given`, {
        hint: `./mintmark show ${ref} --report html`,
      })
  const trustFile = textOption(options, 'trust')
  const trust = { trust: await trustedKeys(world, trustFile), onlyTrust: trustFile !== null }
  const audit = await auditRelease(world, await findAudited(world, ref), { trust, bytes: false })
  world.report.result(text(world, audit), data(world, audit))
  return audit.answer.believable ? 0 : errorTable.VERIFY_FAILED.exit
}
