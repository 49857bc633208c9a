import { recordBase } from '../../core/base-facts.ts'
import { columns } from '../../core/columns.ts'
import { firstLock, suitesOf } from '../../core/debian-archive.ts'
import { canonicalJson } from '../../core/digest.ts'
import { lifecycleAt, lifecycleRow } from '../../core/lifecycle.ts'
import type { Publisher } from '../../core/publishers.ts'
import { errorTable, MintmarkError } from '../../errors.ts'
import type { AmiLock } from '../../model/ami.ts'
import type { ArchiveLock, ImageLock, SeenSuite, TargetLock } from '../../model/base.ts'
import type { Definition } from '../../model/definition.ts'
import { judgeRelease } from '../../stages/base.ts'
import { findLock, keepLock, loadLock } from '../../stages/base-lock.ts'
import { chooseTarget } from '../../stages/choose-target.ts'
import { loadDefinition } from '../../stages/load-definition.ts'
import { parentBase } from '../../stages/parent-base.ts'
import type { BaseSight, Target } from '../../targets/target.ts'
import { markdownOf } from '../base-markdown.ts'
import { baseRows } from '../base-rows.ts'
import { baseTable } from '../base-table.ts'
import {
  ageText,
  amiText,
  archiveText,
  imageText,
  lifecycleLines,
  problemLines,
  refusals,
} from '../base-text.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'

/** Whose images count; tests have their own. */
export interface BaseVerbOptions {
  readonly publishers?: readonly Publisher[]
  readonly keys?: string
}

interface Input {
  readonly world: Parameters<RunVerb>[0]['world']
  readonly image: string
  readonly definition: Definition
  readonly target: Target
  readonly options: BaseVerbOptions
}

const refusedExit = errorTable.BASE_REFUSED.exit

const dataOf = (sight: BaseSight) =>
  'refused' in sight
    ? { suite: sight.suite, refused: sight.refused.message, hint: sight.refused.hint }
    : { ...sight.seen, refused: null }

const seenOf = (sights: readonly BaseSight[]): readonly SeenSuite[] =>
  sights.flatMap((sight) => ('seen' in sight ? [sight.seen] : []))

/** What refuses the base; any other problem is passed on. */
async function refusalOf(work: () => Promise<unknown>): Promise<MintmarkError | null> {
  try {
    await work()
    return null
  } catch (cause) {
    if (cause instanceof MintmarkError && cause.code === 'BASE_REFUSED') return cause
    throw cause
  }
}

/** The lock as it is, or none when it is not there or pins another release than the definition asks for. */
async function earlierLock({ world, image, definition, target }: Input): Promise<TargetLock | null> {
  const lock = await findLock(world, image, target.id)
  if (lock === null) return null
  return lock.release === definition.os.release && lock.distribution === definition.os.family ? lock : null
}

async function showParent(input: Input, lines: readonly string[]): Promise<undefined> {
  const { world, image, definition, target } = input
  if (!('image' in definition.base)) return undefined
  const parent = await parentBase(world, image, definition, target)
  const base = recordBase(parent)
  const age = ageText(parent.created, definition.base.maxAge, world.clock.now())
  const text = [`${image}: on another image of ours`, ...lines, columns(baseRows(base)), `age ${age}`].join(
    '\n',
  )
  world.report.result(text, { image, base })
  return undefined
}

async function show(input: Input): Promise<number | undefined> {
  const { world, image, definition, target, options } = input
  const now = world.clock.now()
  const row = lifecycleRow(definition.os)
  const outOfLife = await refusalOf(() => judgeRelease(world, image, definition))
  const life = lifecycleLines(row, now)
  const ending = outOfLife === null ? [] : problemLines(outOfLife)
  const lifecycle = row === null ? null : { ...row, ...lifecycleAt(row, now) }
  const step = { update: () => undefined }
  if ('image' in definition.base) {
    if (outOfLife !== null) throw outOfLife
    return showParent(input, life)
  }
  const lock = await loadLock(world, image, target.id)
  if (lock.from === 'archive') {
    const sights = await target.observeBase({ world, image, lock })
    const text = [archiveText(image, lock, sights, life, now), ...ending].join('\n')
    world.report.result(text, { image, lock, lifecycle, archive: sights.map(dataOf) })
    return refusals(sights).length > 0 || outOfLife !== null ? refusedExit : undefined
  }
  const pinned = pinnedText(image, lock, definition.base.maxAge, life, now)
  let newest: { readonly name: string; readonly built: string } | null = null
  let problem: MintmarkError | null = null
  if (lock.publisher !== 'local') {
    try {
      const found = await target.observeImage({
        world,
        image,
        definition,
        step,
        earlier: lock,
        ...options,
      })
      newest = { name: found.name, built: found.built }
    } catch (cause) {
      // What is pinned stays true when the publisher can't be looked at.
      if (!(cause instanceof MintmarkError)) throw cause
      problem = cause
    }
  }
  const offer =
    newest === null ? [] : ['', `newest of the publisher: ${newest.name} of ${newest.built.slice(0, 10)}`]
  const text = [pinned, ...offer, ...(problem === null ? [] : problemLines(problem)), ...ending].join('\n')
  const refused = problem === null ? null : { refused: problem.message, hint: problem.hint }
  world.report.result(text, { image, lock, lifecycle, newest, problem: refused })
  return problem?.code === 'BASE_REFUSED' || outOfLife !== null ? refusedExit : undefined
}

const pinnedText = (
  image: string,
  lock: ImageLock | AmiLock,
  maxAge: string,
  life: readonly string[],
  now: Date,
): string =>
  lock.from === 'ami' ? amiText(image, lock, maxAge, life, now) : imageText(image, lock, maxAge, life, now)

/** The keys come from the built-in table; what was accepted before is the least that is accepted now. */
async function lockArchive(
  input: Input,
  earlier: TargetLock | null,
): Promise<{ readonly lock: ArchiveLock; readonly sights: readonly BaseSight[] }> {
  const { world, image, definition, target } = input
  const first = firstLock(definition.os.release, world.clock.now())
  const names = suitesOf(first.codename).map((suite) => suite.name)
  const floors = earlier?.from === 'archive' ? earlier.floor : {}
  const kept = Object.fromEntries(Object.entries(floors).filter(([name]) => names.includes(name)))
  const basis: ArchiveLock = { ...first, floor: kept }
  const sights = await target.observeBase({ world, image, lock: basis })
  const [refusal] = refusals(sights)
  if (refusal !== undefined) throw refusal
  const floor = Object.fromEntries(seenOf(sights).map((seen) => [seen.suite, seen.date]))
  return { lock: { ...basis, floor }, sights }
}

/** Only a lock of the same kind of image says what must not be gone back behind. */
function earlierImage(earlier: TargetLock | null, local: boolean): ImageLock | AmiLock | null {
  if (earlier?.from === 'ami') return earlier
  return earlier?.from === 'image' && (earlier.publisher === 'local') === local ? earlier : null
}

/** Without what changes at each look. */
const pinnedOf = (lock: TargetLock): string =>
  canonicalJson({
    ...lock,
    updated: '',
    ...(lock.from === 'image' && lock.signature !== null
      ? { signature: { ...lock.signature, checked: '' } }
      : {}),
  })

async function update(input: Input, asMarkdown: boolean): Promise<undefined> {
  const { world, image, definition, target, options } = input
  const { lifecycle, warning } = await judgeRelease(world, image, definition)
  if (warning !== null) world.report.warn(warning)
  const { base } = definition
  if ('image' in base) {
    const text = `${image} stands on ${base.image} of the channel ${base.channel}: it follows that channel and has no lock`
    world.report.result(text, { image, lock: null, written: false })
    return undefined
  }
  const now = world.clock.now()
  const earlier = await earlierLock(input)
  const path = `images/${image}.lock.json`
  let lock: TargetLock
  let sights: readonly BaseSight[] = []
  if (base.from === 'archive' && target.bootstraps) {
    const made = await lockArchive(input, earlier)
    lock = made.lock
    sights = made.sights
  } else {
    const step = world.report.step('base')
    try {
      const local = base.from === 'image' && base.file !== undefined
      const before = earlierImage(earlier, local)
      lock = await target.lockImage({ world, image, definition, earlier: before, step, ...options })
      step.done(lock.name)
    } catch (cause) {
      step.fail('')
      throw cause
    }
    if (lock.from === 'image' && lock.signature === null)
      world.report.warn(
        `${lock.name} is a file of your own: no publisher vouches for it, the lock pins its bytes`,
      )
  }
  const moved = earlier === null || pinnedOf(lock) !== pinnedOf(earlier)
  const written = moved ? lock : earlier
  if (moved) await keepLock(world, image, target.id, lock)
  const life = lifecycleLines(lifecycleRow(definition.os), now)
  const markdown = markdownOf({
    image,
    from: earlier,
    to: written,
    moved,
    suites: seenOf(sights),
    lifecycle,
    now,
  })
  const shown =
    written.from === 'archive'
      ? archiveText(image, written, sights, life, now)
      : pinnedText(image, written, base.maxAge, life, now)
  const text = `${shown}\n\n${path} ${moved ? 'is written: review it and commit it' : 'is up to date'}`
  world.report.result(asMarkdown ? markdown : text, {
    image,
    lock: written,
    lifecycle,
    archive: sights.map(dataOf),
    written: moved,
    markdown,
  })
  return undefined
}

/** `base show [IMAGE]`: what the lock pins and what its source has now. `base update IMAGE`: moves the lock up to it. */
export const baseVerb =
  (options: BaseVerbOptions): RunVerb =>
  async ({ world, args, options: flags }) => {
    const [action = '', image = ''] = args
    if (action === 'show' && image === '') {
      const { text, data } = await baseTable(world)
      world.report.result(text, data)
      return undefined
    }
    if ((action === 'show' || action === 'update') && image !== '') {
      const definition = await loadDefinition(world, image)
      const target = chooseTarget({ image, definition, asked: textOption(flags, 'target') })
      const input: Input = { world, image, definition, target, options }
      return action === 'show' ? show(input) : update(input, flags['pr'] === true)
    }
    throw new MintmarkError('USAGE', `base ${args.join(' ')} is not understood`, {
      hint: './mintmark base show [IMAGE], or ./mintmark base update IMAGE',
    })
  }

export const run: RunVerb = baseVerb({})
