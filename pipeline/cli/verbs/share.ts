import { join } from 'node:path'
import { didYouMean } from '../../core/did-you-mean.ts'
import {
  planNeedsConsent,
  problemLines,
  shareCounts,
  shareLines,
  shareMarkdown,
  shareText,
} from '../../core/render-share.ts'
import { markdownText } from '../../core/report/render-markdown.ts'
import { isPending } from '../../core/share-plan.ts'
import { visible } from '../../core/show-value.ts'
import { changesPending, errorTable, MintmarkError, partlyDone } from '../../errors.ts'
import type { World } from '../../ports/world.ts'
import { actorOf } from '../../stages/actor.ts'
import { applyShares, type ShareApplied } from '../../stages/share-apply.ts'
import { lookAtShares, type ShareLook } from '../../stages/share-plan.ts'
import { textOption } from '../options.ts'
import type { RunVerb } from '../verb.ts'
import { proveVerb } from './share-prove.ts'

const words = ['plan', 'apply', 'prove'] as const
/** As many digits of a plan's digest name it. */
const leastDigits = 12

function commandOf({ image, channel, plan }: ShareLook): string {
  const only = channel === null ? '' : ` --channel ${channel}`
  const seen = planNeedsConsent(plan) ? ` --plan ${plan.digest.slice(0, leastDigits)}` : ''
  return `./mintmark share apply ${image}${only}${seen}`
}

const isStuck = ({ plan, problems }: ShareLook): boolean =>
  problems.length > 0 || plan.actions.some((action) => action.kind === 'blocked')

function planLines(look: ShareLook): readonly string[] {
  const { plan, notes, problems, besides } = look
  const pending = plan.actions.some(isPending)
  return [
    ...shareLines(plan),
    ...besides.map(visible),
    ...problems.flatMap(problemLines),
    ...notes,
    shareCounts(plan) || (plan.actions.length === 0 ? 'nobody is named, and nobody has it' : 'nothing to do'),
    ...(pending ? [`plan ${plan.digest}`] : []),
  ]
}

const dataOf = (look: ShareLook) => ({
  image: look.image,
  channel: look.channel,
  plan: look.plan.digest,
  pending: look.plan.actions.some(isPending),
  needsPlan: planNeedsConsent(look.plan),
  actions: look.plan.actions.map((action) => ({ ...action, text: shareText(action) })),
  besides: look.besides,
  notes: look.notes,
  problems: look.problems,
})

async function look(world: World, image: string, channel: string | null): Promise<ShareLook> {
  const step = world.report.step('share')
  try {
    const found = await lookAtShares(world, { image, channel, update: (text) => step.update(text) })
    step.done(`${new Set(found.plan.actions.map((action) => action.principal)).size} looked at`)
    return found
  } catch (cause) {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  }
}

/** Exit code and what is left, for a person. */
function outcome(look: ShareLook, { done, failed, left }: ShareApplied): number {
  if (failed.length === 0 && left.length === 0 && !isStuck(look)) return 0
  const settled = done.length > 0 || look.plan.actions.some((action) => action.kind === 'same')
  const [first, ...others] = new Set(failed.map(({ error }) => errorTable[error.code].exit))
  return settled || first === undefined || others.length > 0 || isStuck(look) ? partlyDone : first
}

async function apply(world: World, found: ShareLook, by: string): Promise<number> {
  const step = world.report.step('share')
  let applied: ShareApplied
  try {
    applied = await applyShares(world, found, { by, update: (text) => step.update(text) })
  } catch (cause) {
    step.fail(cause instanceof Error ? cause.message : String(cause))
    throw cause
  }
  const { done, failed, left } = applied
  const exit = outcome(found, applied)
  if (exit === 0) step.done(`${done.length} done`)
  else {
    const stuck =
      found.plan.actions.filter((action) => action.kind === 'blocked').length + found.problems.length
    step.fail(
      `${done.length} done, ${failed.length + left.length} left${stuck === 0 ? '' : `, ${stuck} can't be done yet`}`,
    )
  }
  const blocked = found.plan.actions.filter((action) => action.kind === 'blocked')
  const lines = [
    ...done.map(
      ({ action, reference, event }) =>
        `✓ ${action.kind === 'grant' ? 'given to' : 'taken from'} ${action.principal}  ${action.channel} ${action.version}  ${reference}${event === null ? '' : `  event ${event.event.sequence}`}`,
    ),
    ...failed.flatMap(({ action, error }) => [
      `✗ ${action.principal}  ${action.channel} ${action.version}  ${error.message}`,
      ...error.lines.map((text) => `    ${text}`),
      `    → ${error.hint}`,
    ]),
    ...left.map((action) => `· ${action.principal}  ${action.channel} ${action.version}  not tried`),
    ...shareLines({ ...found.plan, actions: blocked }),
    ...(blocked.length === 0 ? [] : found.besides.map(visible)),
    ...found.problems.flatMap(problemLines),
    ...found.notes,
    exit === 0
      ? done.length === 0
        ? 'nothing to do: everybody has what they should'
        : 'everybody has what they should'
      : `what is left is done by: ${commandOf({ ...found, plan: { ...found.plan, actions: [] } })}`,
  ]
  const page = lines.map((text) => `- ${markdownText(text)}`).join('\n')
  await world.job?.summary(`### Sharing of ${found.image} by ${markdownText(by)}\n\n${page}\n`)
  world.report.result(lines.join('\n'), {
    ...dataOf(found),
    exit,
    done: done.map(({ action, reference, event }) => ({
      ...action,
      reference,
      event: event === null ? null : { sequence: event.event.sequence, sha256: event.sha256 },
    })),
    failed: failed.map(({ action, error: { code, message, hint, lines: details } }) => ({
      ...action,
      error: { code, message, hint, details },
    })),
    left,
  })
  return exit
}

/** What a person who has not seen the plan is told; true when they agree. */
async function agreed(world: World, found: ShareLook): Promise<boolean> {
  if (!world.report.interactive) return false
  world.report.note(planLines(found).join('\n'))
  return world.report.confirm('take it away from them?')
}

/** As long as pushing an image may take. */
const lockWaitMs = 3600_000

/**
 * Looks and does it while no other apply of this machine is at the image. @returns the exit code, or what a person has to see first
 * @throws MintmarkError CONFLICT when something else is to be done than was seen; BUSY
 */
function lookAndApply(
  world: World,
  {
    image,
    channel,
    seen,
    by,
  }: {
    readonly image: string
    readonly channel: string | null
    readonly seen: string | null
    readonly by: string
  },
): Promise<number | ShareLook> {
  return world.withLock(join(world.places.runs, image, 'share-lock'), lockWaitMs, async () => {
    const found = await look(world, image, channel)
    const { plan } = found
    if (seen !== null && !plan.digest.startsWith(seen)) {
      throw new MintmarkError('CONFLICT', `plan ${seen} is not what would be done now`, {
        hint: `${world.job === undefined ? '' : 'nothing was given or taken: run all jobs of the workflow again, so that somebody sees what it is now; or '}look at it again: ./mintmark share plan ${image}${channel === null ? '' : ` --channel ${channel}`}`,
        details: planLines(found),
      })
    }
    return seen === null && planNeedsConsent(plan) ? found : apply(world, found, by)
  })
}

/**
 * `share plan|apply IMAGE [--channel C]`, and `share prove REF --role ARN`, which looks from the other side: who gets what a channel points to, and who loses it. What only gives is applied at once;
 * what takes away needs `--plan` with the digest that `plan` printed. Exit 9 when there is something else to do by now, 10 when some
 * principals could not be served.
 */
export const run: RunVerb = async ({ world, args, options }) => {
  const [word = '', image] = args
  const wanted = words.find((item) => item === word)
  if (wanted === undefined || image === undefined) {
    const meant = didYouMean(word, words)
    throw new MintmarkError(
      'USAGE',
      wanted === undefined ? `share has no "${word}"` : `share ${word} needs an image`,
      {
        hint:
          meant === null
            ? './mintmark share plan debian-13'
            : `./mintmark share ${meant} ${image ?? 'debian-13'}`,
      },
    )
  }
  if (wanted === 'prove') return proveVerb({ world, image, options })
  const seen = textOption(options, 'plan')
  if (seen !== null && (wanted === 'plan' || !/^[0-9a-f]{12,64}$/.test(seen))) {
    throw new MintmarkError(
      'USAGE',
      wanted === 'plan'
        ? '--plan is for share apply'
        : `--plan is "${seen}": expected the digest that share plan printed`,
      { hint: `./mintmark share plan ${image}` },
    )
  }
  const channel = textOption(options, 'channel')
  const shown = (found: ShareLook, exit: number, more: readonly string[] = []): number => {
    const { plan } = found
    const lines = [...planLines(found), ...more]
    const text =
      options['markdown'] === true
        ? shareMarkdown(image, plan, [...found.problems.map(({ why }) => why), ...found.notes], found.besides)
        : lines.join('\n')
    const command = plan.actions.some(isPending) ? commandOf(found) : null
    world.report.result(text, { ...dataOf(found), exit, command })
    return exit
  }
  const nextOf = (found: ShareLook): readonly string[] =>
    found.plan.actions.some(isPending) ? [`→ ${commandOf(found)}`] : []
  if (wanted === 'plan') {
    const found = await look(world, image, channel)
    const open = found.plan.actions.some(isPending) || isStuck(found)
    return shown(found, options['detailedExitcode'] === true && open ? changesPending : 0, nextOf(found))
  }
  const by = await actorOf(world, textOption(options, 'by'))
  const first = await lookAndApply(world, { image, channel, seen, by })
  if (typeof first === 'number') return first
  // Not while others wait for us: a person may take long.
  if (!(await agreed(world, first))) {
    return shown(first, changesPending, [
      'nothing was done: somebody loses the image, which has to be seen first',
      ...nextOf(first),
    ])
  }
  const second = await lookAndApply(world, { image, channel, seen: first.plan.digest, by })
  return typeof second === 'number' ? second : shown(second, changesPending)
}
