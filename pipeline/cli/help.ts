import { verbs } from './verbs.ts'

const width = Math.max(...verbs.map((verb) => verb.name.length))
const lines = (group: string): string[] =>
  verbs.filter((verb) => verb.group === group).map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}`)

/** @param all also the plumbing */
export function helpText(all: boolean): string {
  return [
    'mintmark: golden images that a team can trust',
    '',
    'usage: ./mintmark VERB [arguments] [--json]',
    '',
    ...lines('everyday'),
    '',
    'also',
    ...lines('also'),
    ...(all
      ? ['', 'plumbing', ...lines('plumbing')]
      : ['', '`./mintmark help --all` lists the plumbing; `./mintmark VERB --help` explains one']),
    '',
    'first: ./mintmark release debian-13 --yes',
    '',
  ].join('\n')
}
