import { columns } from './columns.ts'
import { codeSpan, markdownText } from './report/render-markdown.ts'
import { isPending, needsConsent, type Problem, type ShareAction, type SharePlan } from './share-plan.ts'
import type { Use, Uses } from './share-sight.ts'
import { visible } from './show-value.ts'

const signs: Readonly<Record<ShareAction['kind'], string>> = {
  grant: '+',
  revoke: '-',
  retire: '-',
  same: '=',
  blocked: '!',
}

export const signOf = (action: ShareAction): string => signs[action.kind]

const copies = "copies that were made can't be taken back"

/** A disk may lie on a file of a folder; what comes out of a registry is a copy. */
const overlays = ({ principal }: ShareAction): string =>
  principal.startsWith('folder:') ? 'a disk that is an overlay on it stops working, ' : ''

/** Only files are overlaid. */
const isFile = ({ principal }: ShareAction): boolean => /^(?:folder|oci):/.test(principal)

const useText = (word: string, { yes, why }: Use): string => `${yes ? '' : 'not '}${word}: ${visible(why)}`

/** What they can do with it and why, where that does not go without saying; empty else. */
function usesText(uses: Uses | undefined): string {
  if (uses === undefined) return ''
  return `; ${useText('launchable', uses.launchable)}; ${useText('copyable', uses.copyable)}`
}

/** What an action means to those who have the image, and what they can do with it. */
export const shareText = (action: ShareAction): string =>
  `${actionText(action)}${action.kind === 'blocked' || !('uses' in action) ? '' : usesText(action.uses)}`

function actionText(action: ShareAction): string {
  switch (action.kind) {
    case 'grant': {
      const brought = action.copies ? 'gets the image' : 'has the image'
      const moved =
        action.from === action.version
          ? ''
          : action.from === null
            ? `; ${action.channel} is new there`
            : `; ${action.channel} moves from ${action.from}`
      return `${brought}${moved}${action.known ? '; what was shared is mended' : ''}`
    }
    case 'revoke':
      if (!action.present) return `${action.why}: it is gone already, its history is told so`
      return action.keepsImage
        ? `${action.why}: loses the channel; another one still gives it the image`
        : `${action.why}: loses the image; ${overlays(action)}${copies}`
    case 'retire':
      if (!action.present) return `${action.why}: it is gone already, its history is told so`
      return action.keepsImage
        ? `${action.why}; another channel still gives it`
        : `${action.why}, two versions back: ${overlays(action)}${copies}`
    case 'same':
      return action.role === 'current'
        ? 'unchanged'
        : `the version before: kept for ${isFile(action) ? 'disks that are overlays on it' : 'those who start from it'}`
    case 'blocked':
      return visible(action.why)
  }
}

const rowOf = (action: ShareAction): readonly string[] => [
  signOf(action),
  action.principal,
  `${action.channel} ${action.version ?? ''}`.trim(),
  shareText(action),
]

/** What is not as it should be, in numbers; empty when all is. */
export function shareCounts({ actions }: SharePlan): string {
  const count = (...kinds: readonly ShareAction['kind'][]): number =>
    actions.filter(({ kind }) => kinds.includes(kind)).length
  const told: readonly (readonly [number, string])[] = [
    [count('grant'), 'to give'],
    [count('revoke', 'retire'), 'to take away'],
    [count('blocked'), "can't be done"],
  ]
  return told
    .filter(([number]) => number > 0)
    .map(([number, text]) => `${number} ${text}`)
    .join(', ')
}

export const problemLines = ({ why, hint }: Problem): readonly string[] => [
  `! ${visible(why)}`,
  `    → ${visible(hint)}`,
]

/** The plan as aligned lines; below each thing that can't be done, what helps. */
export function shareLines({ actions }: SharePlan): readonly string[] {
  if (actions.length === 0) return []
  const lines = columns(actions.map(rowOf)).split('\n')
  return actions.flatMap((action, index) => [
    lines[index] ?? '',
    ...(action.kind === 'blocked' ? [`    → ${visible(action.hint)}`] : []),
  ])
}

/** The plan for a pull request. */
export function shareMarkdown(
  image: string,
  plan: SharePlan,
  more: readonly string[],
  besides: readonly string[] = [],
): string {
  const table = [
    '| | who | what | |',
    '|---|---|---|---|',
    ...plan.actions.map(
      (action) =>
        `| \`${signOf(action)}\` | ${codeSpan(action.principal)} | ${markdownText(`${action.channel} ${action.version ?? ''}`)} | ${markdownText(shareText(action))} |`,
    ),
  ]
  return [
    `### Sharing of ${markdownText(image)}`,
    '',
    ...(plan.actions.length === 0 ? ['Nobody is named, and nobody has it.'] : table),
    '',
    shareCounts(plan) || 'Nothing to do.',
    ...more.flatMap((text) => ['', markdownText(text)]),
    // Four spaces: nothing in it is markup.
    ...(besides.length === 0 ? [] : ['', ...besides.map((text) => `    ${visible(text)}`)]),
    ...(plan.actions.some(isPending) ? ['', `Plan \`${plan.digest}\``] : []),
  ].join('\n')
}

/** True when a person has to have seen the plan. */
export const planNeedsConsent = ({ actions }: SharePlan): boolean => actions.some(needsConsent)
