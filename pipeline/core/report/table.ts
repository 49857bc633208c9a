import { visible } from '../show-value.ts'

/** Never the only sign: the text says the same. */
export type Tone = 'good' | 'bad' | 'warn' | 'plain'

export interface Cell {
  readonly text: string
  /** For digests, names and values of machines. */
  readonly code: boolean
  readonly href: string | null
  readonly tone: Tone
}

export interface Table {
  readonly caption: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  /** Worth seeing without asking for it. */
  readonly open: boolean
}

/** Text that a page may show: no control, direction or invisible character is left as it is; lines stay lines. */
export const shown = (text: string): string => text.split('\n').map(visible).join('\n')

const cell = (text: string, more: Partial<Cell> = {}): Cell => ({
  text: shown(text),
  code: false,
  href: null,
  tone: 'plain',
  ...more,
})

export const plain = (text: string | number): Cell => cell(String(text))
export const code = (text: string): Cell => cell(text, { code: true })
export const toned = (text: string, tone: Tone): Cell => cell(text, { tone })
export const link = (text: string, href: string | null): Cell => cell(text, { code: true, href })

/** An instant of our records for people, the same on every machine: `2026-11-22 14:02 UTC`. */
export const utc = (instant: string): string => `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`

/** Seconds for people, with one decimal. */
export const seconds = (value: number): string => value.toFixed(1)
