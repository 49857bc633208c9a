import { didYouMean } from '../core/did-you-mean.ts'
import { MintmarkError } from '../errors.ts'
import { locateRelease } from '../stages/read-release.ts'
import { trustedRelease } from '../stages/verify-release.ts'
import { type ReportName, reportOfRelease } from '../stages/write-report.ts'
import { textOption } from './options.ts'
import type { VerbInput } from './verb.ts'

/** What people call a report -> its name in a record. */
const forms: Readonly<Record<string, ReportName>> = {
  html: 'html',
  json: 'summary',
  md: 'markdown',
  sarif: 'sarif',
}

/**
 * `show REF --report FORM`: prints the report of a release whose record is right, or writes it to the file of `--output`.
 * @throws MintmarkError USAGE for a form that there is not
 */
export async function showReport({ world, options }: VerbInput, ref: string, form: string): Promise<void> {
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
  const release = await trustedRelease(world, await locateRelease(world, ref), textOption(options, 'trust'))
  const { predicate } = release.statement
  const { text, stored } = await reportOfRelease(world, predicate, name, textOption(options, 'lang'))
  const of = `${release.image}@${release.version}`
  if (!stored)
    world.report.note(`this report of ${of} is made of the stored facts: no signed record names it`)
  const file = textOption(options, 'output')
  if (file === null) {
    world.report.result(text, { image: release.image, version: release.version, report: form, stored, text })
    return
  }
  await world.files.write(file, text, { mode: 0o600 })
  world.report.result(`${file}: the ${form} report of ${of}`, {
    image: release.image,
    version: release.version,
    report: form,
    stored,
    file,
  })
}
