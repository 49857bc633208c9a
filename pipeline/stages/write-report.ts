import { join } from 'node:path'
import type * as z from 'zod'
import { digestOf } from '../core/digest.ts'
import { parsedJson } from '../core/parsed-json.ts'
import { buildReport, type ReportInput } from '../core/report/build-report.ts'
import { renderHtml } from '../core/report/render-html.ts'
import { renderMarkdown } from '../core/report/render-markdown.ts'
import { renderSarif } from '../core/report/render-sarif.ts'
import { MintmarkError } from '../errors.ts'
import type { AuditAnswer } from '../model/audit.ts'
import { Definition } from '../model/definition.ts'
import type { GateDecision } from '../model/gate.ts'
import type { Control } from '../model/hardening.ts'
import type { RecordPredicate } from '../model/release.ts'
import { Report } from '../model/report.ts'
import { Language } from '../model/settings.ts'
import { BuildResult, Bundle, ScanReport, TestReport } from '../model/stages.ts'
import type { World } from '../ports/world.ts'
import { loadHardening } from './load-hardening.ts'
import { readReport } from './read-reports.ts'
import { recordedOf } from './recorded.ts'
import { resumeWithinMs } from './runs.ts'
import type { StageContext } from './stage.ts'

/** Name of a report in a record -> its file in the folder `reports` of a run. */
export const reportFiles = {
  html: 'report.html',
  summary: 'report.json',
  markdown: 'report.md',
  sarif: 'report.sarif',
} as const
export type ReportName = keyof typeof reportFiles

/**
 * The language of the reports: `MINTMARK_LANGUAGE`, which mintmark.yaml sets, or the one that is asked for.
 * @throws MintmarkError USAGE for one that there is not
 */
export function languageOf(world: Pick<World, 'env'>, asked: string | null): Language {
  const wanted = asked ?? (world.env['MINTMARK_LANGUAGE'] || 'en')
  const parsed = Language.safeParse(wanted)
  if (parsed.success) return parsed.data
  throw new MintmarkError('USAGE', `there is no language ${wanted}`, {
    hint: `the reports are in ${Language.options.join(' or ')}: --lang, MINTMARK_LANGUAGE, or language in mintmark.yaml`,
  })
}

/** Titles of controls; a checkout that has no hardening of its own, or a broken one, can still print a report. */
async function controlsOf(world: World): Promise<readonly Control[]> {
  if ((await world.files.info(join(world.places.installation, 'hardening/controls'))) === null) return []
  try {
    return (await loadHardening(world)).controls
  } catch (cause) {
    if (!(cause instanceof MintmarkError) || cause.code !== 'CONFIG_INVALID') throw cause
    return []
  }
}

/** What the run of a stage knows after the verdict. */
async function inputOfRun(context: StageContext, gate: GateDecision): Promise<ReportInput> {
  const { world, definition, folder } = context
  const scan = context.need('scan')
  const packages = scan.files['packages']
  const inFolder = (path: string): string => (path.startsWith('/') ? path : join(folder, path))
  return {
    ...(await recordedOf(context, gate)),
    judged: world.clock.now().toISOString(),
    profiles: definition.hardening.profiles,
    selected: context.need('render').controls,
    buildControls: context.need('build').controls,
    test: context.need('test'),
    found: scan,
    packages: packages === undefined ? null : await world.files.readText(inFolder(packages.path)),
    controls: await controlsOf(world),
    files: Object.fromEntries(Object.entries(scan.files).map(([name, file]) => [name, file.sha256])),
  }
}

/**
 * A report in the form that its name says.
 * @throws MintmarkError when the checkout has no template of it
 */
async function renderReport(
  world: World,
  report: Report,
  name: ReportName,
  language: Language,
  audit: AuditAnswer | null = null,
): Promise<string> {
  switch (name) {
    case 'html': {
      const template = join(world.places.installation, 'templates/pages/report.html.hbs')
      return renderHtml(await world.files.readText(template), report, language, audit)
    }
    case 'summary':
      return `${JSON.stringify(report, null, 1)}\n`
    case 'markdown':
      return renderMarkdown(report, language)
    case 'sarif':
      return renderSarif(report)
  }
}

const names = Object.keys(reportFiles) as readonly ReportName[]

/**
 * Whether a run that was killed wrote the same reports but for their time. They are kept then, so that what it had already stored
 * in the catalog is what the record names.
 */
async function stillHold({ world, folder }: StageContext, report: Report): Promise<boolean> {
  for (const name of names)
    if ((await world.files.info(join(folder, 'reports', reportFiles[name]))) === null) return false
  const text = await world.files.readText(join(folder, 'reports', reportFiles.summary))
  const before = Report.safeParse(parsedJson(text))
  if (!before.success) return false
  const age = Date.parse(report.judged) - Date.parse(before.data.judged)
  if (!(age >= 0 && age < resumeWithinMs)) return false
  return digestOf({ ...before.data, judged: '' }) === digestOf({ ...report, judged: '' })
}

/**
 * Writes the four reports of a judged run, passed or rejected, into its folder `reports`. They are for the owner alone; in a CI job the
 * page of the job has the short one.
 */
export async function writeReports(context: StageContext, gate: GateDecision): Promise<void> {
  const { world, folder } = context
  const language = languageOf(world, null)
  const report = Report.parse(buildReport(await inputOfRun(context, gate)))
  await world.job?.summary(await renderReport(world, report, 'markdown', language))
  if (await stillHold(context, report)) return
  for (const name of names) {
    const text = await renderReport(world, report, name, language)
    await world.files.write(join(folder, 'reports', reportFiles[name]), text, { mode: 0o600 })
  }
}

/** Where the page of a judged run is, below the run's folder. */
export const reportPage = (folder: string): string => join(folder, 'reports', reportFiles.html)

/** The reports that a run has: name -> absolute path. */
export async function writtenReports(
  { files }: Pick<World, 'files'>,
  folder: string,
): Promise<readonly (readonly [ReportName, string])[]> {
  const found: (readonly [ReportName, string])[] = []
  for (const name of names) {
    const path = join(folder, 'reports', reportFiles[name])
    if ((await files.info(path))?.kind === 'file') found.push([name, path])
  }
  return found
}

/** A part that a record may lack: null then, and the report says so. */
async function part<T>(
  world: World,
  predicate: RecordPredicate,
  name: string,
  schema: z.ZodType<T>,
): Promise<T | null> {
  return predicate.reports[name] === undefined ? null : readReport(world, predicate, name, schema)
}

/** The report of a record that holds none: put together from what was stored with it. */
async function reportOfOldRecord(world: World, predicate: RecordPredicate): Promise<Report> {
  const definition = await part(world, predicate, 'definition', Definition)
  const build = await part(world, predicate, 'build', BuildResult)
  const bundle = await part(world, predicate, 'bundle', Bundle)
  const { packages } = predicate.reports
  return Report.parse(
    buildReport({
      ...predicate,
      judged: predicate.created,
      profiles: definition?.hardening.profiles ?? [predicate.profile],
      selected: bundle?.controls ?? null,
      buildControls: build?.controls ?? null,
      test: await part(world, predicate, 'test', TestReport),
      found: await part(world, predicate, 'findings', ScanReport),
      packages: packages === undefined ? null : await readReport(world, predicate, 'packages', null),
      controls: await controlsOf(world),
      files: Object.fromEntries(
        Object.entries(predicate.reports)
          .filter(([name]) => !(name in reportFiles))
          .map(([name, { sha256 }]) => [name, sha256]),
      ),
    }),
  )
}

/**
 * A report of a release: as it is stored, byte for byte, when no language is asked for; else made of the stored facts.
 * @throws MintmarkError VERIFY_FAILED when a stored part is not what was recorded
 */
export async function reportOfRelease(
  world: World,
  predicate: RecordPredicate,
  name: ReportName,
  asked: string | null,
): Promise<{ readonly text: string; readonly stored: boolean }> {
  const language = languageOf(world, asked)
  // A record without a summary is of before there were reports; what it calls sarif is the scanner's own.
  if (predicate.reports['summary'] === undefined) {
    const report = await reportOfOldRecord(world, predicate)
    return { text: await renderReport(world, report, name, language), stored: false }
  }
  const kept = predicate.reports[name] !== undefined
  if (kept && (asked === null || name === 'summary' || name === 'sarif'))
    return { text: await readReport(world, predicate, name, null), stored: true }
  const report = await readReport(world, predicate, 'summary', Report)
  return { text: await renderReport(world, report, name, language), stored: false }
}

/**
 * The page of a release with what happened to it since, and which links hold now.
 * @throws MintmarkError VERIFY_FAILED when the stored facts are not what was recorded; USAGE for a language that there is not
 */
export async function currentPage(
  world: World,
  predicate: RecordPredicate,
  audit: AuditAnswer,
  asked: string | null,
): Promise<string> {
  const language = languageOf(world, asked)
  const report =
    predicate.reports['summary'] === undefined
      ? await reportOfOldRecord(world, predicate)
      : await readReport(world, predicate, 'summary', Report)
  return renderReport(world, report, 'html', language, audit)
}
