import type { RecordedBase } from '../../model/base.ts'
import type { Report } from '../../model/report.ts'
import { bornOf, chainOf } from '../base-facts.ts'
import { type Cell, code, plain, seconds, type Table, utc } from './table.ts'
import type { Say } from './texts.ts'

/** A name and what it is, for a list of definitions. */
export type Row = readonly [name: string, value: Cell]

function lifecycle(say: Say, { lifecycle: seen }: RecordedBase): string {
  if (seen === undefined) return say('lifecycle-unknown')
  const { state, until, source } = seen
  return until === null
    ? say('lifecycle-open', { state, source })
    : say('lifecycle-until', { state, until, source })
}

function evidence(say: Say, base: RecordedBase): readonly Row[] {
  switch (base.from) {
    case 'archive':
      return [[say('packages'), plain(base.packages.count)]]
    case 'image': {
      const { signature, publisher, url, name } = base
      return [
        [say('publisher'), plain(publisher)],
        [say('image'), code(name)],
        [say('address'), url === null ? plain(say('local-file')) : code(url)],
        [
          say('signature'),
          signature === null
            ? plain(say('no-signature'))
            : plain(
                say('signature-of', {
                  key: signature.fingerprint,
                  name: signature.name,
                  made: utc(signature.made),
                }),
              ),
        ],
      ]
    }
    case 'ami':
      return [
        [say('publisher'), plain(`${base.publisher} (${base.owner})`)],
        [say('image'), code(base.name)],
        [say('address'), code(`${base.imageId} · ${base.region}`)],
        [say('snapshot'), code(base.snapshot)],
      ]
    case 'parent':
      return [
        [say('image'), plain(`${base.image}@${base.imageVersion} (${base.channel})`)],
        [say('parent-record'), code(base.record)],
        [say('digest'), code(base.artifact)],
      ]
  }
}

/** What the base is and what proves it. */
export function baseRows(say: Say, { base }: Report): readonly Row[] {
  return [
    [say('base-from'), plain(say(`from-${base.from}`))],
    [say('system'), plain(`${base.distribution} ${base.version}, ${base.arch}`)],
    ...evidence(say, base),
    [say('born'), plain(utc(bornOf(base)))],
    [say('lifecycle'), plain(lifecycle(say, base))],
    [say('base-digest'), code(base.id)],
    ...(base.from === 'ami' ? [] : ([[say('base-disk'), code(base.diskSha256)]] as const)),
  ]
}

export function baseTables(say: Say, { base }: Report): readonly Table[] {
  const chain = chainOf(base)
  const ancestors: Table = {
    caption: say('ancestors-caption'),
    head: [say('kind-base-age'), say('base-from'), say('what-digest')],
    rows: chain.map(({ name, from, id }) => [plain(name), plain(say(`from-${from}`)), code(id)]),
    open: true,
  }
  if (base.from !== 'archive') return chain.length > 1 ? [ancestors] : []
  return [
    {
      caption: say('suites-caption'),
      head: [say('suite'), say('date'), say('valid-until'), 'InRelease sha256', say('signed-by')],
      rows: base.suites.map((suite) => [
        plain(suite.suite),
        plain(utc(suite.date)),
        plain(suite.validUntil === null ? say('no-end') : utc(suite.validUntil)),
        code(suite.inRelease),
        code(suite.signedBy.join('\n')),
      ]),
      open: true,
    },
  ]
}

export function packageTable(say: Say, report: Report): Table {
  const packages = report.packages ?? []
  return {
    caption: say('packages-caption', { count: packages.length }),
    head: [say('package'), say('version'), say('architecture')],
    rows: packages.map(({ name, version, arch }) => [code(name), code(version), code(arch)]),
    open: false,
  }
}

/** What the verdict rests on, each by its digest. */
export function chainTables(say: Say, report: Report): readonly Table[] {
  const { source, base, artifact, gate, scan, files } = report
  const second = scan.secondScanner
  const digests: readonly (readonly [string, string])[] = [
    [say('definition'), source.definition],
    [say('kind-base-age'), base.id],
    [say('bundle'), source.bundle],
    [say('image'), artifact.sha256],
    [`${say('scanner')} trivy ${scan.trivy.version}`, scan.trivy.sha256],
    ...(scan.database === null ? [] : [[say('database'), scan.database.sha256] as const]),
    ...(second === undefined
      ? []
      : [
          [`${say('scanner')} ${second.name} ${second.version}`, second.sha256] as const,
          [`${say('database')} (${second.name})`, second.database.sha256] as const,
        ]),
    ...(gate.knownExploited === null ? [] : [[say('exploited'), gate.knownExploited.sha256] as const]),
    [`${say('policy')} ${gate.policy.name}`, gate.policy.sha256],
    ...Object.entries(files),
  ]
  const table = (caption: string, head: Table['head'], rows: Table['rows']): Table => ({
    caption,
    head,
    rows,
    open: true,
  })
  return [
    table(
      say('chain-caption'),
      [say('what'), say('what-digest')],
      digests.map(([name, digest]) => [plain(name), code(digest)]),
    ),
    table(
      say('tools-caption'),
      [say('tool'), say('version')],
      Object.entries(report.tools).map(([name, version]) => [plain(name), code(version)]),
    ),
    table(
      say('seconds-caption'),
      [say('stage'), say('seconds')],
      Object.entries(report.seconds).map(([name, spent]) => [plain(name), plain(seconds(spent))]),
    ),
  ]
}
