import { Command, CommanderError } from 'commander'
import { didYouMean } from '../core/did-you-mean.ts'
import { MintmarkError } from '../errors.ts'
import { helpText } from './help.ts'
import { type Verb, verbs } from './verbs.ts'

export type Parsed =
  | { readonly kind: 'help'; readonly text: string }
  | {
      readonly kind: 'verb'
      readonly verb: Verb
      readonly args: readonly string[]
      readonly options: Readonly<Record<string, string | boolean | undefined>>
    }

/**
 * argv (without node and script) -> what to run.
 * @throws MintmarkError USAGE
 */
export async function parse(argv: readonly string[]): Promise<Parsed> {
  const [first = 'help', ...rest] = argv
  if (['help', '--help', '-h'].includes(first)) {
    const name = rest.find((item) => !item.startsWith('-'))
    if (name === undefined) return { kind: 'help', text: helpText(rest.includes('--all')) }
    if (!verbs.some((verb) => verb.name === name)) {
      const meant = didYouMean(
        name,
        verbs.map((verb) => verb.name),
      )
      throw new MintmarkError('USAGE', `there is no verb "${name}"`, {
        hint: meant === null ? './mintmark help --all' : `did you mean ${meant}? ./mintmark help ${meant}`,
      })
    }
    return parse([name, '--help'])
  }
  let parsed: Parsed | null = null
  let printed = ''
  const program = new Command('./mintmark')
  const print = (text: string): void => {
    printed += text
  }
  const quiet = { writeOut: print, writeErr: () => undefined }
  program.exitOverride().configureOutput(quiet).helpCommand(false).showSuggestionAfterError(true)
  for (const verb of verbs) {
    const command = program.command(`${verb.name} ${verb.args}`.trim()).description(verb.summary)
    command.exitOverride().configureOutput(quiet).option('--json', 'print one JSON document on stdout')
    for (const [flags, help, many] of verb.options) {
      if (many === undefined) command.option(flags, help)
      else command.option(flags, help, (value, earlier?: string) => (earlier ? `${earlier},${value}` : value))
    }
    command.action(() => {
      parsed = { kind: 'verb', verb, args: command.args, options: command.opts() }
    })
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause
    if (cause.code === 'commander.helpDisplayed') return { kind: 'help', text: printed }
    throw new MintmarkError('USAGE', cause.message.replace(/^error: /, '').replaceAll('\n', ' '), { cause })
  }
  if (parsed === null) throw new MintmarkError('USAGE', `nothing to do in: ${argv.join(' ')}`)
  return parsed
}
