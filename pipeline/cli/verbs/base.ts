import { recordBase } from '../../core/base-facts.ts'
import { columns } from '../../core/columns.ts'
import { lifecycleAt, lifecycleRow } from '../../core/lifecycle.ts'
import { errorTable, MintmarkError } from '../../errors.ts'
import type { AmiLock } from '../../model/ami.ts'
import type { ImageLock } from '../../model/base.ts'
import { judgeRelease } from '../../stages/base.ts'
import { keepLock, loadLock } from '../../stages/base-lock.ts'
import { chooseTarget } from '../../stages/choose-target.ts'
import { loadDefinition } from '../../stages/load-definition.ts'
import { type MoveInput, moveLock, seenOf, type TrustedSources } from '../../stages/move-lock.ts'
import { parentBase } from '../../stages/parent-base.ts'
import type { BaseSight } from '../../targets/target.ts'
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
import { requestMoves } from './base-request.ts'

const refusedExit = errorTable.BASE_REFUSED.exit

const dataOf = (sight: BaseSight) =>
  'refused' in sight
    ? { suite: sight.suite, refused: sight.refused.message, hint: sight.refused.hint }
    : { ...sight.seen, refused: null }

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

async function showParent(input: MoveInput, lines: readonly string[]): Promise<undefined> {
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

async function show(input: MoveInput): Promise<number | undefined> {
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

async function update(input: MoveInput, asMarkdown: boolean): Promise<undefined> {
  const { world, image, definition } = input
  const { base } = definition
  if ('image' in base) {
    const { warning } = await judgeRelease(world, image, definition)
    if (warning !== null) world.report.warn(warning)
    const text = `${image} stands on ${base.image} of the channel ${base.channel}: it follows that channel and has no lock`
    world.report.result(text, { image, lock: null, written: false })
    return undefined
  }
  const move = await moveLock(input)
  const { to, moved, sights } = move
  if (moved) await keepLock(world, image, move.target.id, to)
  const now = world.clock.now()
  const life = lifecycleLines(lifecycleRow(definition.os), now)
  const markdown = markdownOf({ ...move, suites: seenOf(sights), now })
  const shown =
    to.from === 'archive'
      ? archiveText(image, to, sights, life, now)
      : pinnedText(image, to, base.maxAge, life, now)
  const path = `images/${image}.lock.json`
  const text = `${shown}\n\n${path} ${moved ? 'is written: review it and commit it' : 'is up to date'}`
  world.report.result(asMarkdown ? markdown : text, {
    image,
    lock: to,
    lifecycle: move.lifecycle,
    archive: sights.map(dataOf),
    written: moved,
    markdown,
  })
  return undefined
}

/**
 * `base show [IMAGE]`: what the lock pins and what its source has now. `base update IMAGE`: moves the lock up to it.
 * `base update [IMAGE...] --pull-request`: writes nothing here, and keeps one pull request with what moved.
 */
export const baseVerb =
  (options: TrustedSources): RunVerb =>
  async ({ world, args, options: flags }) => {
    const [action = '', ...names] = args
    const [image = '', ...more] = names
    if (action === 'update' && flags['pullRequest'] === true)
      return requestMoves({ world, names, asked: textOption(flags, 'target'), options })
    if (action === 'show' && names.length === 0) {
      const { text, data } = await baseTable(world)
      world.report.result(text, data)
      return undefined
    }
    if ((action === 'show' || action === 'update') && image !== '' && more.length === 0) {
      const definition = await loadDefinition(world, image)
      const target = chooseTarget({ image, definition, asked: textOption(flags, 'target') })
      const input: MoveInput = { world, image, definition, target, options }
      return action === 'show' ? show(input) : update(input, flags['pr'] === true)
    }
    throw new MintmarkError('USAGE', `base ${args.join(' ')} is not understood`, {
      hint: './mintmark base show [IMAGE], ./mintmark base update IMAGE, or base update [IMAGE...] --pull-request',
    })
  }

export const run: RunVerb = baseVerb({})
