import { didYouMean } from '../core/did-you-mean.ts'
import { errorTable, MintmarkError } from '../errors.ts'
import { type Audited, auditRelease, findAudited } from '../stages/audit.ts'
import type { Trust } from '../stages/chain.ts'
import { releaseTrustedBy, trustedKeys } from '../stages/verify-release.ts'
import { currentPage, type ReportName, reportOfRelease } from '../stages/write-report.ts'
import { textOption } from './options.ts'
import { checkOutput } from './output-file.ts'
import type { VerbInput } from './verb.ts'

/** What people call a report -> its name in a record. */
const forms: Readonly<Record<string, ReportName>> = {
  html: 'html',
  json: 'summary',
  md: 'markdown',
  sarif: 'sarif',
}

interface Shown {
  readonly text: string
  /** Byte for byte what the record names. */
  readonly stored: boolean
  /** False: some link is wrong, and the text says so. */
  readonly believable: boolean
}

/** The page tells what happened since and which links hold; what a run wrote, or `--stored` asks for, can't. */
async function reportOf(
  { world, options }: VerbInput,
  audited: Audited,
  name: ReportName,
  trust: Trust,
): Promise<Shown> {
  const { predicate } = audited.release.statement
  const language = textOption(options, 'lang')
  if (options['stored'] === true && predicate.reports[name] === undefined)
    throw new MintmarkError(
      'NOT_FOUND',
      `${predicate.image}@${predicate.version} has no stored ${name} report`,
      {
        hint: 'leave out --stored: it is made of the stored facts then',
      },
    )
  if (name !== 'html' || options['stored'] === true)
    return { ...(await reportOfRelease(world, predicate, name, language)), believable: true }
  const { answer } = await auditRelease(world, audited, { trust, bytes: false })
  const text = await currentPage(world, predicate, answer, language)
  return { text, stored: false, believable: answer.believable }
}

/**
 * `show REF --report FORM`: prints the report of a release whose record is right, or writes it to the file of `--output`.
 * Returns the exit code: 9 when what happened since is not as it was signed.
 * @throws MintmarkError USAGE for a form that there is not
 */
export async function showReport(input: VerbInput, ref: string, form: string): Promise<number> {
  const { world, options } = input
  const name = Object.hasOwn(forms, form) ? forms[form] : undefined
  if (name === undefined) {
    const near = didYouMean(form, Object.keys(forms))
    throw new MintmarkError(
      'USAGE',
      `there is no report ${form}${near === null ? '' : `; did you mean ${near}`}`,
      {
        hint: `./mintmark show ${ref} --report ${Object.keys(forms).join('|')}`,
      },
    )
  }
  if (options['stored'] === true && textOption(options, 'lang') !== null)
    throw new MintmarkError('USAGE', '--stored and --lang are given: what is stored is in one language', {
      hint: `leave out one: ./mintmark show ${ref} --report ${form} --stored`,
    })
  const file = textOption(options, 'output')
  if (file !== null) await checkOutput(world, file, { force: true, like: `report.${form}` })
  const audited = await findAudited(world, ref)
  const trustFile = textOption(options, 'trust')
  const trust = { trust: await trustedKeys(world, trustFile), onlyTrust: trustFile !== null }
  const release = await releaseTrustedBy(world, audited.release, trust)
  const { text, stored, believable } = await reportOf(input, audited, name, trust)
  const exit = believable ? 0 : errorTable.VERIFY_FAILED.exit
  const of = `${release.image}@${release.version}`
  if (!believable) world.report.warn(`${of} is not to be believed: ./mintmark verify ${of} says why`)
  else if (!stored && (name !== 'html' || release.statement.predicate.reports['summary'] === undefined))
    world.report.note(`this report of ${of} is made of the stored facts: no signed record names it`)
  if (file === null) {
    world.report.result(text, { image: release.image, version: release.version, report: form, stored, text })
    return exit
  }
  await world.files.write(file, text, { mode: 0o600 })
  world.report.result(`${file}: the ${form} report of ${of}`, {
    image: release.image,
    version: release.version,
    report: form,
    stored,
    file,
  })
  return exit
}
