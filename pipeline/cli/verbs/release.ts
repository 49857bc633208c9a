import { markdownText } from '../../core/report/render-markdown.ts'
import { size } from '../../core/size.ts'
import { MintmarkError } from '../../errors.ts'
import { type Released, type ReleaseResult, release } from '../../stages/release.ts'
import { runFolder } from '../../stages/runs.ts'
import { ensureTools, purposesOf } from '../../stages/setup.ts'
import { reportPage } from '../../stages/write-report.ts'
import {
  distributionData,
  distributionExit,
  distributionLines,
  distributionMarkdown,
} from '../distribution.ts'
import { duration } from '../duration.ts'
import { judgementNotes } from '../judgement-notes.ts'
import {
  databaseOption,
  emergencyOption,
  exploitedOption,
  runOption,
  secondScannerOption,
  textOption,
} from '../options.ts'
import type { RunVerb } from '../verb.ts'

function vulnerabilities(outputs: Released['outputs']): string {
  const { gate, scan } = outputs
  if (gate?.vulnerability !== 'judged') {
    const why = scan?.databaseProblem ?? 'no database could be had'
    return `unknown: ${why}; give one with --trivy-db FOLDER|OCI-REFERENCE, needed for any channel but nightly`
  }
  const counts = Object.entries(gate.counts).filter(([, count]) => count.fixable + count.unfixed > 0)
  if (counts.length === 0) return '0 known'
  return counts
    .map(
      ([severity, count]) =>
        `${severity.toLowerCase()} ${count.fixable} fixable, ${count.unfixed} without a fix`,
    )
    .join(' · ')
}

type Unchanged = Extract<ReleaseResult, { readonly unchanged: true }>

function tellUnchanged(
  { world }: Parameters<RunVerb>[0],
  { release, because, distribution }: Unchanged,
  spent: string,
): void {
  const { image, version, record } = release
  const { artifact, gate, created } = release.statement.predicate
  const lines = [
    `${image} ${version} is unchanged: nothing was built  ${spent}`,
    because,
    `log in:  ./mintmark boot ${image}        build anyway:  ./mintmark release ${image} --fresh`,
    ...(gate.vulnerability === 'judged'
      ? []
      : [`vulnerabilities: unknown; give a database with --trivy-db, needed for any channel but nightly`]),
    ...distributionLines(distribution),
  ]
  world.report.result(lines.join('\n'), {
    unchanged: true,
    image,
    version,
    channel: 'nightly',
    sha256: artifact.sha256,
    bytes: artifact.bytes,
    record,
    created,
    vulnerability: gate.vulnerability,
    because,
    ...distributionData(distribution),
  })
}

export const run: RunVerb = async (input) => {
  const { world, args, options } = input
  const [image = ''] = args
  const began = world.clock.now().getTime()
  const secondScanner = secondScannerOption(options, world.env)
  const released = await release(world, {
    image,
    target: textOption(options, 'target'),
    trivyDb: databaseOption(options, world.env),
    knownExploited: exploitedOption(options, world.env),
    emergency: emergencyOption(options, world.env),
    secondScanner,
    asked: textOption(options, 'releaseVersion'),
    fresh: options['fresh'] === true,
    run: runOption(options, world.env),
    // A misspelt name or a wrong field, and that there is nothing to do, are told before anything is installed.
    prepare: (definition, target) => {
      const second = secondScanner === null ? [] : [secondScanner.name]
      return ensureTools(world, [...purposesOf(definition, target), ...second], options['yes'] === true)
    },
  })
  if (released.unchanged) {
    const { version, record } = released.release
    const where = distributionMarkdown(released.distribution)
    await world.job?.summary(
      `### ${image} ${version} is unchanged\n\n${markdownText(released.because)}\n${where}`,
    )
    // Also of a job that was run again because a place stayed behind: what it made is attested by then.
    const digest = `sha256:${released.release.statement.predicate.artifact.sha256}`
    await world.job?.output({ unchanged: 'true', image, version, record, report: '', digest })
    tellUnchanged(input, released, duration(world.clock.now().getTime() - began))
    return distributionExit(released.distribution)
  }
  const { build, test, gate, record } = released.outputs
  if (build === undefined || gate === undefined || record === undefined)
    throw new MintmarkError('INTERNAL', 'a finished run lacks a result')
  const controls = test?.controls.find((item) => item.where !== 'sealed')?.results ?? build.controls
  const spent = duration(world.clock.now().getTime() - began)
  const page = reportPage(runFolder(world, released.run))
  const { version } = released
  const where = distributionMarkdown(released.distribution)
  if (where !== '') await world.job?.summary(where)
  await world.job?.output({
    unchanged: 'false',
    image,
    version,
    record: record.record,
    report: page,
    digest: `sha256:${build.artifact.sha256}`,
  })
  const lines = [
    `${image} ${released.version} → ${record.channel}  image sha256:${build.artifact.sha256.slice(0, 12)}…  ${size(build.artifact.bytes)}  ${controls.filter((item) => item.status === 'pass').length} of ${controls.length} controls  ${spent}`,
    `log in:  ./mintmark boot ${image}        remove everything:  ./mintmark clean`,
    `vulnerabilities: ${vulnerabilities(released.outputs)}`,
    ...judgementNotes(gate),
    ...distributionLines(released.distribution),
    `report: ${page}`,
  ]
  world.report.result(lines.join('\n'), {
    unchanged: false,
    causes: released.causes,
    image,
    version: released.version,
    channel: record.channel,
    sha256: build.artifact.sha256,
    bytes: build.artifact.bytes,
    record: record.record,
    vulnerability: gate.vulnerability,
    waived: gate.waived,
    emergency: gate.emergency,
    run: released.run.runId,
    report: page,
    ...distributionData(released.distribution),
  })
  return distributionExit(released.distribution)
}
