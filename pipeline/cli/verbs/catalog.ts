import { resolve } from 'node:path'
import { columns } from '../../core/columns.ts'
import { didYouMean } from '../../core/did-you-mean.ts'
import { visible } from '../../core/show-value.ts'
import { size } from '../../core/size.ts'
import { errorTable, MintmarkError } from '../../errors.ts'
import { isS3Address } from '../../model/catalog-address.ts'
import type { Catalog } from '../../ports/catalog.ts'
import type { World } from '../../ports/world.ts'
import { type CatalogCheck, checkCatalog } from '../../stages/catalog-check.ts'
import { type Repair, repairCatalog } from '../../stages/catalog-repair.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

const actions = ['check'] as const

/** No copy of a key can be told from a forged one by its bytes: a person copies it, and `verify` judges its signature. */
const lostKeys =
  'records, events and pointers are not restored: copy that key from another catalog yourself (cp, aws s3 cp), then ./mintmark verify IMAGE@VERSION'

/** @throws MintmarkError USAGE, NOT_FOUND */
async function otherCatalog(world: World, where: string | null): Promise<Catalog | null> {
  if (where === null) return null
  const address = isS3Address(where) ? where : resolve(where)
  const other = world.openCatalog(address)
  if (other.location === world.catalog.location)
    throw new MintmarkError('USAGE', `--from ${where} is the catalog that is to be repaired`)
  if (!isS3Address(where) && (await world.files.info(address))?.kind !== 'folder')
    throw new MintmarkError('NOT_FOUND', `there is no folder ${address}`, {
      hint: 'name the top folder of a catalog',
    })
  return other
}

function rowsOf(check: CatalogCheck, repairs: readonly Repair[]): readonly (readonly string[])[] {
  const blobs = check.broken.flatMap((blob) => {
    const repair = repairs.find((item) => item.sha256 === blob.sha256)
    const state = blob.status === 'missing' ? 'is missing' : `now has sha256:${blob.found?.slice(0, 12)}…`
    const what = `${blob.names.join(', ')} (sha256:${blob.sha256.slice(0, 12)}…, ${size(blob.bytes)})`
    if (repair === undefined) return [['✗', what, state]]
    if (repair.from === null) return [['✗', what, `${state}, and no copy was found`]]
    const aside = repair.aside === null ? [] : [['', '', `what was there is kept: ${repair.aside}`]]
    return [
      ['✓', what, `${state.replace(/^is/, 'was').replace('now has', 'had')}; restored from ${repair.from}`],
      ...aside,
    ]
  })
  return [...check.problems.map(({ key, text }) => ['✗', key, text]), ...blobs]
}

function noteLines({ orphans, leftovers, strays }: CatalogCheck): readonly string[] {
  return [
    ...(orphans.count === 0
      ? []
      : [`${orphans.count} blobs (${size(orphans.bytes)}) are named by nothing: they do no harm and stay`]),
    ...leftovers.map((item) => `not finished by a writer that was stopped, or is at work: ${visible(item)}`),
    ...strays.map((item) => `not a part of a catalog: ${visible(item)}`),
  ]
}

/**
 * `catalog check [--repair] [--from CATALOG]`: every key and every byte that a record names. Exit 9 when something is wrong and
 * stays so.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const [action = ''] = args
  if (!actions.some((known) => known === action)) {
    const meant = didYouMean(action, actions)
    throw new MintmarkError('USAGE', `there is no "catalog ${action}"`, {
      hint: `${meant === null ? '' : `did you mean ${meant}? `}./mintmark catalog check`,
    })
  }
  const repair = options['repair'] === true
  const from = textOption(options, 'from')
  if (from !== null && !repair)
    throw new MintmarkError('USAGE', '--from is for a repair, and --repair is not given', {
      hint: `./mintmark catalog check --repair --from ${from}`,
    })
  const other = await otherCatalog(world, from)
  const step = world.report.step('catalog')
  let check: CatalogCheck
  let repairs: readonly Repair[]
  try {
    check = await checkCatalog(world, step.update)
    repairs = repair ? await repairCatalog(world, check.broken, other, step.update) : []
  } catch (cause) {
    step.fail('could not be read to the end')
    throw cause
  }
  const restored = repairs.filter((item) => item.from !== null)
  const whole = check.problems.length === 0 && check.broken.length === restored.length
  const counts = `${check.keys} keys and ${check.blobs} blobs (${size(check.bytes)})`
  if (whole) step.done(`${counts} are whole`)
  else {
    const count = check.problems.length + check.broken.length - restored.length
    step.fail(count === 1 ? '1 thing is wrong' : `${count} things are wrong`)
  }
  const unrepaired = check.broken.length > restored.length
  const next = repair
    ? 'name another catalog that has it: --from FOLDER or --from s3://BUCKET/PREFIX; else make the release again'
    : './mintmark catalog check --repair restores what has a copy'
  const verdict = whole
    ? `${check.location} is whole: ${counts}`
    : [
        `${check.location} is not whole`,
        ...(unrepaired ? [`→ ${next}`] : []),
        ...(check.problems.length === 0 ? [] : [`→ ${lostKeys}`]),
      ].join('\n')
  const rows = rowsOf(check, repairs)
  world.report.result(
    [...(rows.length === 0 ? [] : [columns(rows)]), ...noteLines(check), verdict].join('\n'),
    { whole, ...check, repairs },
  )
  return whole ? 0 : errorTable.VERIFY_FAILED.exit
}
