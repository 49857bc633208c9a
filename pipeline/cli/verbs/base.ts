import { join } from 'node:path'
import { columns } from '../../core/columns.ts'
import { firstLock, suitesOf } from '../../core/debian-archive.ts'
import { canonicalJson } from '../../core/digest.ts'
import { errorTable, MintmarkError } from '../../errors.ts'
import type { BaseLock } from '../../model/base.ts'
import { loadDefinition, loadLock } from '../../stages/load-definition.ts'
import { targets } from '../../targets/registry.ts'
import type { BaseSight } from '../../targets/target.ts'
import { localTime } from '../local-time.ts'
import type { RunVerb } from '../verb.ts'

type Input = Parameters<RunVerb>[0]

const days = (from: string, now: Date): string =>
  `${Math.floor((now.getTime() - Date.parse(from)) / 86_400_000)} d`

function rowOf(sight: BaseSight, lock: BaseLock, now: Date): readonly string[] {
  const floor = lock.floor[sight.suite]
  const since = floor === undefined ? '-' : localTime(floor)
  if ('refused' in sight) return [sight.suite, since, 'refused', '', '', '', '']
  const { date, validUntil, inRelease, signedBy } = sight.seen
  return [
    sight.suite,
    since,
    localTime(date),
    days(date, now),
    validUntil === null ? '-' : localTime(validUntil),
    `sha256:${inRelease.slice(0, 12)}…`,
    signedBy.map((fingerprint) => fingerprint.slice(-16)).join(' '),
  ]
}

const header = ['suite', 'accepted since', 'in the archive', 'age', 'valid until', 'InRelease', 'signed by']

const dataOf = (sight: BaseSight) =>
  'refused' in sight
    ? { suite: sight.suite, refused: sight.refused.message, hint: sight.refused.hint }
    : { ...sight.seen, refused: null }

const refusals = (sights: readonly BaseSight[]): readonly MintmarkError[] =>
  sights.flatMap((sight) => ('refused' in sight ? [sight.refused] : []))

function text(image: string, lock: BaseLock, sights: readonly BaseSight[], now: Date): string {
  const table = columns([header, ...sights.map((sight) => rowOf(sight, lock, now))])
  return [
    `${image}: ${lock.distribution} ${lock.release} (${lock.codename}) from the signed archive`,
    `images/${image}.lock.json of ${localTime(lock.updated)} accepts signatures by`,
    ...lock.keys.map((key) => `  ${key.fingerprint}  ${key.name}`),
    '',
    table.trimEnd(),
    ...refusals(sights).flatMap((refusal) => ['', refusal.message, `  fix: ${refusal.hint}`]),
  ].join('\n')
}

async function show({ world }: Input, image: string): Promise<number | undefined> {
  await loadDefinition(world, image)
  const lock = await loadLock(world, image)
  const sights = await targets.qemu.observeBase({ world, image, lock })
  world.report.result(text(image, lock, sights, world.clock.now()), {
    image,
    lock,
    archive: sights.map(dataOf),
  })
  return refusals(sights).length > 0 ? errorTable.BASE_REFUSED.exit : undefined
}

/** The lock as it is, or none when it is not there or pins another release than the definition asks for. */
async function earlierLock({ world }: Input, image: string, release: string): Promise<BaseLock | null> {
  if ((await world.files.info(join(world.places.root, `images/${image}.lock.json`))) === null) return null
  const lock = await loadLock(world, image)
  return lock.release === release ? lock : null
}

async function update(input: Input, image: string): Promise<undefined> {
  const { world } = input
  const { os } = await loadDefinition(world, image)
  const earlier = await earlierLock(input, image, os.release)
  // The keys come from the built-in table; what was accepted before is the least that is accepted now.
  const first = firstLock(os.release, world.clock.now())
  const names = suitesOf(first.codename).map((suite) => suite.name)
  const kept = Object.fromEntries(
    Object.entries(earlier?.floor ?? {}).filter(([name]) => names.includes(name)),
  )
  const basis: BaseLock = { ...first, floor: kept }
  const sights = await targets.qemu.observeBase({ world, image, lock: basis })
  const [refusal] = refusals(sights)
  if (refusal !== undefined) throw refusal
  const floor = Object.fromEntries(
    sights.flatMap((sight) => ('seen' in sight ? [[sight.suite, sight.seen.date]] : [])),
  )
  const lock: BaseLock = { ...basis, floor }
  const moved =
    earlier === null || canonicalJson({ ...lock, updated: '' }) !== canonicalJson({ ...earlier, updated: '' })
  const written = moved ? lock : earlier
  const path = `images/${image}.lock.json`
  if (moved) await world.files.write(join(world.places.root, path), `${JSON.stringify(lock, null, 2)}\n`)
  world.report.result(
    `${text(image, written, sights, world.clock.now())}\n\n${path} ${moved ? 'is written: review it and commit it' : 'is up to date'}`,
    {
      image,
      lock: written,
      archive: sights.map(dataOf),
      written: moved,
    },
  )
  return undefined
}

/** `base show IMAGE`: what the lock pins and what the archive has now. `base update IMAGE`: moves the lock up to it. */
export const run: RunVerb = async (input) => {
  const [action = '', image = ''] = input.args
  if ((action === 'show' || action === 'update') && image !== '')
    return action === 'show' ? show(input, image) : update(input, image)
  throw new MintmarkError('USAGE', `base ${input.args.join(' ')} is not understood`, {
    hint: './mintmark base show IMAGE, or ./mintmark base update IMAGE',
  })
}
