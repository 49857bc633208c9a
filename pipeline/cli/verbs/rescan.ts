import { type LookedAt, rescanIssue, rescanOver } from '../../core/issue-texts.ts'
import { changeLines, changesInShort, verdictLines } from '../../core/render-rescan.ts'
import { errorTable, MintmarkError, partlyDone } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import { type KeptIssue, keepIssues } from '../../stages/keep-issue.ts'
import { ensureLasting } from '../../stages/lasting-catalog.ts'
import { type Judged, type Rescanned, rescan } from '../../stages/rescan.ts'
import { duration } from '../duration.ts'
import { localTime } from '../local-time.ts'
import { databaseOption, exploitedOption, textOption } from '../options.ts'
import { rescanMarkdown } from '../rescan-markdown.ts'
import { jobsGithub, tellGithub } from '../tell-github.ts'
import type { RunVerb, VerbInput } from '../verb.ts'

const nameOf = ({ image, version, channels }: Rescanned): string =>
  `${image}@${version} (${channels.length === 0 ? 'no channel' : channels.join(', ')})`

const lookBefore = ({ before }: Judged): string =>
  `${before.sequence === null ? 'its release' : `event ${before.sequence}`} of ${localTime(before.at)}`

function judgedLines(item: Judged): readonly string[] {
  const { line, reasons } = verdictLines(item.image, item.gate)
  const was = item.before.verdict === 'rejected' && item.gate.verdict === 'passed' ? ' again' : ''
  const sign = item.gate.verdict === 'passed' ? '✓' : '✗'
  const since = item.changed
    ? `since ${lookBefore(item)}: ${
        item.before.known
          ? changesInShort(item.changes) || 'no finding is new'
          : `the first look by a database, ${item.findings} findings`
      }`
    : `unchanged since ${lookBefore(item)}`
  const written =
    item.event === null
      ? item.notWritten === null
        ? []
        : [`not written to its history: ${item.notWritten}`]
      : [`written as event ${item.event.event.sequence}, sha256:${item.event.sha256.slice(0, 12)}…`]
  return [
    `${sign} ${nameOf(item)}  ${line}${was}`,
    ...reasons.map((text) => `    ${text}`),
    `  ${since}`,
    ...(item.changed ? changeLines(item.changes).map((text) => `    ${text}`) : []),
    ...written.map((text) => `  ${text}`),
  ]
}

function linesOf(item: Rescanned): readonly string[] {
  if (item.status === 'judged') return judgedLines(item)
  const { error } = item
  return [
    `! ${nameOf(item)}  could not be looked at: ${error.message}`,
    ...error.lines.map((text) => `    ${text}`),
    `    → ${error.hint}`,
  ]
}

function dataOf(item: Rescanned) {
  const { image, version, variant, channels, status } = item
  const place = { image, version, variant, channels, status }
  if (item.status === 'failed') {
    const { code, message, hint, lines } = item.error
    return { ...place, error: { code, exit: errorTable[code].exit, message, hint, details: lines } }
  }
  const { release, gate, database, findings, changes, changed, before, event, notWritten } = item
  return {
    ...place,
    sha256: release.statement.predicate.artifact.sha256,
    record: release.record,
    database,
    gate,
    findings,
    changed,
    before,
    changes,
    event: event === null ? null : { sequence: event.event.sequence, sha256: event.sha256 },
    report: event?.event.kind === 'rescanned' ? event.event.data.report : null,
    notWritten,
  }
}

function exitOf(items: readonly Rescanned[]): number {
  if (items.some((item) => item.status === 'judged' && item.gate.verdict === 'rejected'))
    return errorTable.GATE_REJECTED.exit
  const failed = items.flatMap((item) => (item.status === 'failed' ? [item.error] : []))
  if (failed.length === 0) return 0
  if (failed.length < items.length) return partlyDone
  const [exit = errorTable.VERIFY_FAILED.exit, ...others] = new Set(
    failed.map(({ code }) => errorTable[code].exit),
  )
  return others.length === 0 ? exit : errorTable.VERIFY_FAILED.exit
}

function lookedAt(item: Rescanned): LookedAt {
  const { version, variant, channels } = item
  const place = { version, variant, channels }
  if (item.status === 'failed') {
    const { message, lines, hint } = item.error
    return { ...place, status: 'unseen', line: message, reasons: [...lines, `→ ${hint}`] }
  }
  const { line, reasons } = verdictLines(item.image, item.gate)
  return { ...place, status: item.gate.verdict, line, reasons }
}

/** One issue for each image that is not as it should be; what is mended, or gone, has its issue closed. */
async function issuesFor(
  world: World,
  items: readonly Rescanned[],
): Promise<{ readonly issues: readonly KeptIssue[]; readonly exit: number }> {
  const images = [...new Set(items.map(({ image }) => image))]
  const of = (image: string): readonly LookedAt[] =>
    items.filter((item) => item.image === image).map(lookedAt)
  const open = images.flatMap((image) => {
    const text = rescanIssue(image, of(image))
    return text === null ? [] : [{ about: image, ...text }]
  })
  const github = jobsGithub(world, '--issues')
  const { value, exit } = await tellGithub(world, 'issues', async () => {
    const issues = await keepIssues(github, {
      topic: 'rescan',
      open,
      over: (image) => rescanOver(image, of(image)),
    })
    const told = issues.map(({ number, about, did }) => `#${number} of ${about} ${did}`).join(', ')
    return { value: issues, told: told === '' ? 'none is open' : told }
  })
  return { issues: value ?? [], exit }
}

/** What an issue says has to be the whole of its image. @throws MintmarkError USAGE */
function ensureWhole(args: readonly string[], options: VerbInput['options']): void {
  const given = [
    ...args,
    ...(options['all'] === true ? ['--all'] : []),
    ...(textOption(options, 'channel') === null ? [] : ['--channel']),
  ]
  if (given.length === 0) return
  throw new MintmarkError(
    'USAGE',
    `--issues is for all that channels point to, and not for ${given.join(' ')} alone`,
    {
      hint: './mintmark rescan --issues',
    },
  )
}

/**
 * `rescan [IMAGE|REF ...] [--issues]`: released images by today's database and policy. Exit 5 when one would be rejected now, 10 when some could
 * not be looked at; when none could, what stopped them all, or 9.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  // What is found is written to the history of each release.
  ensureLasting(world, true)
  const withIssues = options['issues'] === true
  if (withIssues) {
    jobsGithub(world, '--issues')
    ensureWhole(args, options)
  }
  const began = world.clock.now().getTime()
  const step = world.report.step('rescan')
  let items: readonly Rescanned[]
  try {
    items = await rescan(world, {
      refs: args,
      channel: textOption(options, 'channel'),
      all: options['all'] === true,
      trivyDb: databaseOption(options, world.env),
      knownExploited: exploitedOption(options, world.env),
      update: (text) => step.update(text),
    })
  } catch (cause) {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  }
  const rejected = items.filter((item) => item.status === 'judged' && item.gate.verdict === 'rejected')
  const failed = items.filter((item) => item.status === 'failed')
  const database = items.flatMap((item) => (item.status === 'judged' ? [item.database] : []))[0]
  const told = [
    `${items.length} release${items.length === 1 ? '' : 's'}`,
    ...(rejected.length === 0 ? [] : [`${rejected.length} would be rejected`]),
    ...(failed.length === 0 ? [] : [`${failed.length} could not be looked at`]),
  ].join(', ')
  const by =
    database === undefined
      ? ''
      : `; database sha256:${database.sha256.slice(0, 12)}… of ${localTime(database.updated)}`
  if (failed.length === 0) step.done(`${told}${by}`)
  else step.fail(`${told}${by}`)
  const kept = withIssues ? await issuesFor(world, items) : { issues: [], exit: 0 }
  const verdict = exitOf(items)
  const exit = verdict === 0 ? kept.exit : verdict
  const summary = `${told}${by}  ${duration(world.clock.now().getTime() - began)}`
  const named = (some: readonly Rescanned[]): string =>
    JSON.stringify(some.map(({ image, version }) => `${image}@${version}`))
  await world.job?.summary(rescanMarkdown(summary, items, kept.issues))
  await world.job?.output({ rejected: named(rejected), failed: named(failed) })
  const issueLines = kept.issues.map(({ about, did, url }) => `issue of ${about} ${did}: ${url}`)
  world.report.result([...items.flatMap(linesOf), ...issueLines, summary].join('\n'), {
    exit,
    releases: items.map(dataOf),
    ...(withIssues ? { issues: kept.issues } : {}),
  })
  return exit
}
