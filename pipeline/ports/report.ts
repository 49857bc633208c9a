/** One running step, as the person at the terminal sees it. Exactly one of done, skip and fail ends it. */
export interface StepReport {
  /** What happens right now, e.g. `installing 14 packages (3 of 7)`. */
  update(text: string): void
  done(text: string): void
  /** It was not run because an earlier run's result still holds. */
  skip(text: string): void
  fail(text: string): void
}

/** What a run tells while it works. It goes to stderr; results go to stdout through `result`. */
export interface Report {
  step(name: string): StepReport
  note(text: string): void
  warn(text: string): void
  /** The result: text for people, `data` as one JSON document with `--json`. Called once. */
  result(text: string, data: unknown): void
  /** Asks on a terminal; false (without asking) when there is none. */
  confirm(question: string): Promise<boolean>
  /** Asks on a terminal for a line of text; null when there is nobody to ask. */
  ask(question: string): Promise<string | null>
  /** True when a person sits at the other end. */
  readonly interactive: boolean
}
