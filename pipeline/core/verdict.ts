import type { Fact } from '../model/stages.ts'
import type { Answer } from './ssh-answers.ts'

/** What an observation means, and the words for it. */
export interface Verdict {
  readonly status: Fact['status']
  readonly found: string
}

export const pass = (found: string): Verdict => ({ status: 'pass', found })
export const fail = (found: string): Verdict => ({ status: 'fail', found })
/** It could not be looked at. */
export const unknown = (found: string): Verdict => ({ status: 'unknown', found })
export const judged = (good: boolean, found: string): Verdict => (good ? pass(found) : fail(found))

/** Judges one of a guest's answers; one that is missing is unknown. */
export function judgeAnswer(
  answers: Readonly<Record<string, Answer>>,
  name: string,
  judge: (text: string, code: number) => Verdict,
): Verdict {
  const answer = answers[name]
  return answer === undefined ? unknown('it did not answer') : judge(answer.text, answer.code)
}

/** The worst of several, with its words; the first of equals. */
export function worstOf(verdicts: readonly Verdict[]): Verdict {
  return (
    verdicts.find(({ status }) => status === 'fail') ??
    verdicts.find(({ status }) => status === 'unknown') ??
    verdicts[0] ??
    unknown('nothing was looked at')
  )
}

/** One line of at most 200 characters. */
export function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line === '' ? 'nothing' : line.length > 200 ? `${line.slice(0, 197)}...` : line
}

export const listed = (items: readonly (string | number)[]): string =>
  items.length === 0 ? 'none' : items.join(', ')
