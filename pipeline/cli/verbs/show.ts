import { columns } from '../../core/columns.ts'
import { visible } from '../../core/show-value.ts'
import { size } from '../../core/size.ts'
import { MintmarkError } from '../../errors.ts'
import type { RecordPredicate } from '../../model/release.ts'
import type { World } from '../../ports/world.ts'
import { readEvents } from '../../stages/events.ts'
import { findRelease } from '../../stages/read-release.ts'
import { trustedKeys, verifyRelease } from '../../stages/verify-release.ts'
import { baseRows } from '../base-rows.ts'
import { eventRows } from '../event-rows.ts'
import { localTime } from '../local-time.ts'
import { textOption } from '../options.ts'
import { showReport } from '../show-report.ts'
import type { RunVerb } from '../verb.ts'
import { vulnerabilities } from '../vulnerabilities.ts'

type Row = readonly [name: string, text: string]

function sourceRows({ source, base, tools }: RecordPredicate): readonly Row[] {
  const commit =
    source.commit === null
      ? 'unknown: it was not made from a git checkout'
      : `${source.commit}${source.dirty ? ', with changes that no commit holds' : ''}`
  return [
    ...baseRows(base),
    ['commit', commit],
    ['definition', `sha256:${source.definition}`],
    ['bundle', `sha256:${source.bundle}`],
    [
      'tools',
      Object.entries(tools)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
  ]
}

function scanRows({ scan, gate }: RecordPredicate): readonly Row[] {
  const { database, databaseProblem, packages, trivy } = scan
  const exposed = trivy.isolated === false ? ' with the network at hand' : ''
  const scanned = `trivy ${trivy.version}${exposed}, ${packages.trivy} packages (dpkg: ${packages.dpkg})`
  if (database === null) {
    return [
      ['scanned', scanned],
      ['vulnerabilities', `unknown: ${databaseProblem ?? 'no database'}`],
    ]
  }
  return [
    ['scanned', scanned],
    ['database', `sha256:${database.sha256} of ${localTime(database.updated)}, ${database.source}`],
    [
      'vulnerabilities',
      gate.vulnerability === 'unknown'
        ? `unknown: ${databaseProblem ?? 'the database has no advisories for this system'}`
        : vulnerabilities(gate),
    ],
  ]
}

function emergencyRows({ emergency }: RecordPredicate['gate']): readonly Row[] {
  if (emergency === null) return []
  return [
    ['EMERGENCY', `shipped although findings reject it, no worse than ${emergency.comparedWith}`],
    ['', `reason: ${visible(emergency.reason)}`],
    ...emergency.shipped.map((item): Row => ['', visible(item)]),
  ]
}

function exploitedText({ knownExploited }: RecordPredicate['gate']): string {
  if (knownExploited === null) return 'no list was given'
  const { source, sha256, released, count } = knownExploited
  return `list of ${localTime(released)}, ${count} entries, sha256:${sha256}, ${visible(source)}`
}

function judgementRows({ controls, facts, gate, profile }: RecordPredicate): readonly Row[] {
  const { pass, fail, error, notapplicable, total } = controls
  const others = [
    ...(fail > 0 ? [`${fail} fail`] : []),
    ...(error > 0 ? [`${error} could not be checked`] : []),
    ...(notapplicable > 0 ? [`${notapplicable} not applicable`] : []),
  ]
  const held = facts.filter((fact) => fact.status === 'pass').length
  return [
    ['controls', [`${pass} of ${total} hold (profile ${profile})`, ...others].join(', ')],
    ['tests', `${held} of ${facts.length} pass`],
    ...facts
      .filter((fact) => fact.status !== 'pass')
      .map(
        (fact): Row => ['', `${fact.status}  ${fact.title}: expected ${fact.expected}, found ${fact.found}`],
      ),
    ['gate', `${gate.verdict} by policy ${gate.policy.name}, sha256:${gate.policy.sha256}`],
    ...emergencyRows(gate),
    ['known exploited', exploitedText(gate)],
    ['waived', gate.waived.length === 0 ? 'none' : String(gate.waived.length)],
    ...gate.waived.map(
      (item): Row => [
        '',
        visible(
          `${item.vulnerability} ${item.package} ${item.installed}  ${item.status}: ${item.reason} (${item.owner}, until ${item.expires}, ${item.file})`,
        ),
      ],
    ),
    ['exceptions', gate.excepted.length === 0 ? 'none' : String(gate.excepted.length)],
    ...gate.excepted.map(
      (item): Row => ['', `${item.control}  ${item.reason} (${item.owner}, until ${item.expires})`],
    ),
  ]
}

function reportRows(world: World, reports: RecordPredicate['reports']): readonly Row[] {
  const lines = columns(
    Object.entries(reports).map(([name, report]) => {
      const where = world.catalog.blobPath(report.sha256) ?? `blob of ${world.catalog.location}`
      return [name, `sha256:${report.sha256}`, size(report.bytes), where]
    }),
  )
  return lines.split('\n').map((line, index): Row => [index === 0 ? 'reports' : '', line])
}

/** `show REF`: what an auditor asks of a release. The record is checked; the stored bytes are for `verify`. */
export const run: RunVerb = async (input) => {
  const { world, args, options } = input
  const [ref] = args
  if (ref === undefined) {
    throw new MintmarkError('USAGE', 'show needs a release', { hint: './mintmark show debian-13' })
  }
  const form = textOption(options, 'report')
  if (form !== null) {
    await showReport(input, ref, form)
    return 0
  }
  for (const name of ['output', 'lang'])
    if (textOption(options, name) !== null)
      throw new MintmarkError('USAGE', `--${name} is for a report, and --report is not given`, {
        hint: `./mintmark show ${ref} --report html`,
      })
  const release = await findRelease(world, ref)
  const trustFile = textOption(options, 'trust')
  const trust = { trust: await trustedKeys(world, trustFile), onlyTrust: trustFile !== null }
  const { anchored, links } = await verifyRelease(world, release, { ...trust, blobs: false })
  const history = await readEvents(world, release, trust)
  const { predicate } = release.statement
  const { artifact } = predicate
  const name = `${release.image}@${release.version}`
  const path = world.catalog.blobPath(artifact.sha256)
  const rows: readonly Row[] = [
    ['image', `${name}, ${predicate.target}/${predicate.arch}`],
    ['channel', release.channels.join(', ') || 'none'],
    ['made', `${localTime(predicate.created)} by the run ${predicate.run}`],
    ['owner', predicate.owner],
    ['artifact', `sha256:${artifact.sha256}`],
    ['', `${artifact.format}, ${size(artifact.bytes)}, a disk of ${size(artifact.virtualBytes)}`],
    ...(path === null ? [] : [['', path] as const]),
    ...sourceRows(predicate),
    ...scanRows(predicate),
    ...judgementRows(predicate),
    ...eventRows(history),
    ['record', `sha256:${release.record}`],
    ...release.envelope.signatures.map((item): Row => ['key', `sha256:${item.keyid}`]),
    ...links
      .filter((link) => link.name === 'signature' || !link.right)
      .map(
        (link): Row => [
          link.name === 'signature' ? 'signed' : '',
          `${link.right ? '✓' : `✗ ${link.name}`} ${link.text}`,
        ],
      ),
    ...reportRows(world, predicate.reports),
    ['log in', `./mintmark boot ${name}   (user ${predicate.login})`],
    ['check', `./mintmark verify ${name}`],
  ]
  world.report.result(columns(rows), {
    image: release.image,
    version: release.version,
    variant: release.variant,
    channels: release.channels,
    record: release.record,
    keyids: release.envelope.signatures.map((item) => item.keyid),
    anchored,
    links,
    events: history.events,
    brokenEvent: history.broken,
    path,
    facts: predicate,
    reports: Object.fromEntries(
      Object.entries(predicate.reports).map(([key, report]) => [
        key,
        { ...report, path: world.catalog.blobPath(report.sha256) },
      ]),
    ),
  })
  return 0
}
