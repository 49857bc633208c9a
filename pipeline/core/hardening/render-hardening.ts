import { MintmarkError } from '../../errors.ts'
import type { Control, PackageManager } from '../../model/hardening.ts'
import { shellQuote } from '../quote.ts'
import { type HardeningContent, rowsOf, type ScriptPair } from './content.ts'
import { unknownName } from './select-controls.ts'

export interface HardeningSettings {
  /** Whose books tell what is installed. */
  readonly manager: PackageManager
  /** The image's name; what the check reports when os-release has none. */
  readonly image: string
  /** TCP ports that the firewall leaves open. */
  readonly ports: readonly number[]
}

type Side = keyof ScriptPair

/** The kind whose controls bring a script each. */
export const scriptKind = 'script'

/** The folder of a control's script below hardening/scripts. */
export const scriptOf = ({ id, script }: Control): string => script ?? id

const variable = (name: string): string => name.replaceAll('-', '_')

/** Printable in one cell of a row: no tab, no line end, nothing invisible. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const invisible = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

function cell(control: Control, column: string, value: string | undefined): string {
  if (value === undefined || value === '') {
    throw new MintmarkError('CONFIG_INVALID', `control ${control.id} has no ${column}`, {
      hint: `give ${column} in hardening/controls/`,
    })
  }
  if (invisible.test(value)) {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `${column} of control ${control.id} is ${JSON.stringify(value)}: a tab, a line end or another control character can't be in a row`,
    )
  }
  return value
}

/** The rows of one kind: control id and the kind's columns, tab-separated, one line each. */
export function itemRows(content: HardeningContent, controls: readonly Control[], kind: string): string {
  const columns = content.kinds.get(kind)?.kind.columns
  if (columns === undefined) {
    throw unknownName('kind', kind, [...content.kinds.keys()], 'hardening/kinds/')
  }
  return controls
    .flatMap((control) =>
      rowsOf(control).map((row) =>
        [control.id, ...columns.map((column) => cell(control, column, row[column]))].join('\t'),
      ),
    )
    .join('\n')
}

interface Part {
  /** For messages. */
  readonly name: string
  readonly body: string
  readonly rows: string
}

/** What runs, in order: each kind once, then each control that has its own script. */
function partsOf(content: HardeningContent, selected: readonly Control[], side: Side): readonly Part[] {
  const kinds = [...new Set(selected.map((control) => control.kind))]
  const orderOf = (kind: string): number => content.kinds.get(kind)?.kind.order ?? 0
  kinds.sort((a, b) => orderOf(a) - orderOf(b) || (a < b ? -1 : 1))
  return kinds.flatMap((kind) => {
    const controls = selected.filter((control) => control.kind === kind)
    if (kind !== scriptKind) {
      return [
        { name: kind, body: content.kinds.get(kind)?.[side] ?? '', rows: itemRows(content, controls, kind) },
      ]
    }
    return controls.map((control) => {
      const script = content.scripts.get(scriptOf(control))
      if (script === undefined) {
        throw new MintmarkError('CONFIG_INVALID', `control ${control.id} has no script`, {
          hint: `write hardening/scripts/${scriptOf(control)}/apply.sh and check.sh`,
        })
      }
      return { name: `script ${control.id}`, body: script[side], rows: itemRows(content, [control], kind) }
    })
  })
}

/** A script's text without its own first lines that are for tools only. */
const bodyOf = (text: string): string =>
  text
    .split('\n')
    .filter((line, index) => !(index < 2 && /^#(!|\s*shellcheck\s)/.test(line)))
    .join('\n')
    .trimEnd()

function checkPorts(selected: readonly Control[], settings: HardeningSettings): void {
  if (selected.some((control) => control.kind === 'firewall') && !settings.ports.includes(22)) {
    throw new MintmarkError(
      'CONFIG_INVALID',
      `ports ${settings.ports.join(', ') || 'none'} lack 22: the firewall would let nobody log in`,
      { hint: `add 22 to content.ports in images/${settings.image}.yaml` },
    )
  }
}

function render(
  content: HardeningContent,
  selected: readonly Control[],
  settings: HardeningSettings,
  side: Side,
): string {
  checkPorts(selected, settings)
  const parts = partsOf(content, selected, side)
  const names = parts.map((part) => variable(part.name.replaceAll(' ', '_')))
  const controls = selected
    .map((control) => [control.id, control.holds, ownerOf(control)].join('\t'))
    .join('\n')
  const ports = [...new Set(settings.ports)].sort((a, b) => a - b).join(' ')
  const header = [
    '#!/bin/sh',
    '# shellcheck shell=sh disable=SC2016,SC2034,SC2154,SC2094',
    '# Rendered by mintmark from hardening/. All values are in the assignments down to the next comment; what follows is static.',
    'set -eu',
    `IMAGE=${shellQuote(settings.image)}`,
    `MANAGER=${shellQuote(settings.manager)}`,
    `PORTS=${shellQuote(ports)}`,
    `CONTROLS=${shellQuote(controls)}`,
    ...parts.map((part, index) => `ITEMS_${names[index]}=${shellQuote(part.rows)}`),
  ]
  const functions = parts.map((part, index) =>
    [`${side}_${names[index]}() {`, `ITEMS=$ITEMS_${names[index]}`, bodyOf(part.body), '}'].join('\n'),
  )
  const calls = parts.map((part, index) => `${side}_kind ${shellQuote(part.name)} ${side}_${names[index]}`)
  const main =
    side === 'apply'
      ? [...calls, "say 'done; it takes effect at the next boot'"]
      : ['{', ...(calls.length > 0 ? calls.map((call) => `  ${call}`) : ['  :']), '} | report']
  return `${[...header, '', bodyOf(content.lib.installed), '', bodyOf(content.lib[side]), '', ...functions.flatMap((item) => [item, '']), ...main].join('\n')}\n`
}

/** The name under which the report looks for a control's answers. */
const ownerOf = (control: Control): string =>
  control.kind === scriptKind ? `script ${control.id}` : control.kind

/**
 * harden.sh: one static POSIX shell program that applies all selected controls; the values are only in its header.
 * @throws MintmarkError CONFIG_INVALID for a value that no row can hold, or ports without 22 under a firewall
 */
export function renderHarden(
  content: HardeningContent,
  selected: readonly Control[],
  settings: HardeningSettings,
): string {
  return render(content, selected, settings, 'apply')
}

/**
 * mintmark-check: tells of all selected controls whether they hold, in a running machine or in a folder tree.
 * @throws MintmarkError as renderHarden
 */
export function renderCheck(
  content: HardeningContent,
  selected: readonly Control[],
  settings: HardeningSettings,
): string {
  return render(content, selected, settings, 'check')
}
