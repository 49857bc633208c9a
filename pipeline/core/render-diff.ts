import { columns } from './columns.ts'
import type { FileChange } from './diff-files.ts'
import type { ReleaseDiff } from './diff-releases.ts'
import { markdownText } from './report/render-markdown.ts'
import { visible } from './show-value.ts'
import { size } from './size.ts'

interface Section {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** What people look at: of a comparison with nothing, what is not as it should be; all of it is in the data. */
function worthReading(diff: ReleaseDiff): Pick<ReleaseDiff, 'packages' | 'controls' | 'facts'> {
  if (diff.from !== null) return diff
  return {
    packages: { ...diff.packages, added: [] },
    controls: diff.controls.filter(({ to }) => to !== 'pass' && to !== 'notapplicable'),
    facts: diff.facts.filter(({ to }) => to?.startsWith('pass:') !== true),
  }
}

function sections(diff: ReleaseDiff): readonly Section[] {
  const { findings } = diff
  const { packages, controls, facts } = worthReading(diff)
  const finding = (item: (typeof findings.new)[number]): readonly string[] => [
    item.severity.toLowerCase(),
    item.id,
    item.package,
    item.installed,
    item.fixed ?? 'no fix yet',
  ]
  const findingHead = ['severity', 'advisory', 'package', 'installed', 'fixed in']
  const step = (from: string | null, to: string | null): readonly string[] => [from ?? 'none', to ?? 'none']
  return [
    { title: 'inputs', head: ['what'], rows: diff.inputs.map((text) => [text]) },
    {
      title: 'packages changed',
      head: ['package', 'from', 'to', ''],
      rows: packages.changed.map(({ name, from, to, direction }) => [
        name,
        from,
        to,
        direction === 'down' ? 'DOWNGRADED' : '',
      ]),
    },
    {
      title: 'packages added',
      head: ['package', 'version'],
      rows: packages.added.map(({ name, version }) => [name, version]),
    },
    {
      title: 'packages removed',
      head: ['package', 'version'],
      rows: packages.removed.map(({ name, version }) => [name, version]),
    },
    { title: 'findings fixed', head: findingHead, rows: findings.fixed.map(finding) },
    { title: 'findings new', head: findingHead, rows: findings.new.map(finding) },
    {
      title: 'controls changed',
      head: ['control', 'from', 'to'],
      rows: controls.map(({ control, from, to }) => [control, ...step(from, to)]),
    },
    {
      title: 'facts changed',
      head: ['fact', 'from', 'to'],
      rows: facts.map(({ title, from, to }) => [title, ...step(from, to)]),
    },
    ...judgementSections(diff),
    {
      title: 'shared',
      head: ['', 'channel and with whom'],
      rows: [
        ...diff.sharing.added.map((text) => ['only the second', visible(text)]),
        ...diff.sharing.removed.map((text) => ['only the first', visible(text)]),
      ],
    },
    ...fileSections(diff.files),
  ]
}

/** What people answer for: nobody may overlook it. */
function judgementSections({ judgement }: ReleaseDiff): readonly Section[] {
  const { emergency, waived, excepted } = judgement
  const changes = ({ added, removed }: typeof waived): readonly (readonly string[])[] => [
    ...added.map((text) => ['new', visible(text)]),
    ...removed.map((text) => ['gone', visible(text)]),
  ]
  return [
    {
      title: 'EMERGENCY',
      head: ['', 'what'],
      rows:
        emergency === null
          ? []
          : [
              ['reason', visible(emergency.reason)],
              ['no worse than', visible(emergency.comparedWith)],
              ...emergency.shipped.map((item) => ['shipped', visible(item)]),
            ],
    },
    { title: 'waivers', head: ['', 'waiver'], rows: changes(waived) },
    { title: 'exceptions', head: ['', 'exception'], rows: changes(excepted) },
  ]
}

function fileSections(files: readonly FileChange[] | null): readonly Section[] {
  const all = files ?? []
  const row = ({ path, change, what }: FileChange): readonly string[] => [change, path, what.join('; ')]
  return [
    {
      title: 'files that differ',
      head: ['', 'path', 'what'],
      rows: all.filter(({ expected }) => expected === null).map(row),
    },
    {
      title: 'files that differ as expected',
      head: ['', 'path', 'what', 'why'],
      rows: all
        .filter(({ expected }) => expected !== null)
        .map((file) => [...row(file), file.expected ?? '']),
    },
  ]
}

function changesLine(diff: ReleaseDiff): string {
  const { controls, facts } = worthReading(diff)
  return diff.from === null
    ? `controls: ${diff.controls.length}, ${controls.length} of them not held; facts: ${diff.facts.length}, ${facts.length} not passed`
    : `controls: ${controls.length} changed; facts: ${facts.length} changed`
}

/** The lines that stand above the lists, whatever is in them. */
function headLines(diff: ReleaseDiff): readonly string[] {
  const { bytes, packages, findings, files, judgement } = diff
  const signed = bytes.to - bytes.from
  const step = signed === 0 ? 'same size' : `${signed > 0 ? '+' : '-'}${size(Math.abs(signed))}`
  const grown = diff.from === null ? '' : ` (${step})`
  const from = diff.artifact.from === null ? 'nothing' : `sha256:${diff.artifact.from.slice(0, 12)}…`
  const artifact = diff.identical
    ? 'the same image, byte for byte'
    : `image ${from} -> sha256:${diff.artifact.to.slice(0, 12)}…`
  return [
    ...(judgement.emergency === null
      ? []
      : [
          `EMERGENCY: ${judgement.emergency.shipped.length} finding${judgement.emergency.shipped.length === 1 ? '' : 's'} that the policy rejects: ${visible(judgement.emergency.reason)}`,
        ]),
    `${artifact}, ${size(bytes.to)}${grown}`,
    `packages: ${packages.changed.length} changed, ${packages.added.length} added, ${packages.removed.length} removed`,
    `findings: ${findings.fixed.length} fixed, ${findings.new.length} new${findings.caution === null ? '' : ` (${findings.caution})`}`,
    changesLine(diff),
    files === null
      ? 'files: not compared (--files reads both disks)'
      : `files: ${files.length} differ, ${files.filter(({ expected }) => expected !== null).length} of them as expected`,
  ]
}

/** For a terminal. */
export function renderDiffText(diff: ReleaseDiff): string {
  const lists = sections(diff)
    .filter(({ rows }) => rows.length > 0)
    .map(({ title, rows }) => `${title}\n${columns(rows).replace(/^/gm, '  ')}`)
  return [
    `${diff.from ?? 'nothing'} -> ${diff.to}`,
    ...headLines(diff),
    ...lists.map((text) => `\n${text}`),
  ].join('\n')
}

/** For a pull request or release notes. */
export function renderDiffMarkdown(diff: ReleaseDiff): string {
  const table = ({ title, head, rows }: Section): string =>
    [
      `### ${title}`,
      '',
      `| ${head.join(' | ')} |`,
      `|${head.map(() => '---|').join('')}`,
      ...rows.map((row) => `| ${row.map(markdownText).join(' | ')} |`),
    ].join('\n')
  return [
    `## ${markdownText(diff.from ?? 'nothing')} → ${markdownText(diff.to)}`,
    '',
    ...headLines(diff).map((line) => `- ${markdownText(line)}`),
    ...sections(diff)
      .filter(({ rows }) => rows.length > 0)
      .flatMap((section) => ['', table(section)]),
  ].join('\n')
}
