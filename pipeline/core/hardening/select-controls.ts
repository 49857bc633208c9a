import { MintmarkError } from '../../errors.ts'
import type { Control, ControlOs, PackageManager } from '../../model/hardening.ts'
import { didYouMean } from '../did-you-mean.ts'
import { type HardeningContent, rowsOf } from './content.ts'

/** Thrown for a name that nothing in hardening/ has, with the nearest one that it does. */
export function unknownName(
  what: string,
  name: string,
  known: readonly string[],
  folder: string,
): MintmarkError {
  const meant = didYouMean(name, known)
  return new MintmarkError(
    'CONFIG_INVALID',
    `${what} ${name} is not known${meant === null ? '' : `; did you mean ${meant}?`}`,
    { hint: `see ${folder}` },
  )
}

/** @throws MintmarkError CONFIG_INVALID when there is no such control */
export function controlOf(content: HardeningContent, id: string): Control {
  const control = content.controls.find((item) => item.id === id)
  if (control !== undefined) return control
  throw unknownName(
    'control',
    id,
    content.controls.map((item) => item.id),
    'hardening/controls/',
  )
}

/**
 * The build controls of a profile for one OS, sorted by id. Interactive ones (`first-login`) are left out.
 * @throws MintmarkError CONFIG_INVALID for an unknown profile, or a control that the profile names and nobody wrote
 */
export function selectControls(
  content: HardeningContent,
  wanted: { readonly profile: string; readonly os: ControlOs },
): readonly Control[] {
  const profile = content.profiles.get(wanted.profile)
  if (profile === undefined) {
    throw unknownName('profile', wanted.profile, [...content.profiles.keys()], 'hardening/profiles/')
  }
  return [...new Set(profile.controls)]
    .map((id) => controlOf(content, id))
    .filter((control) => control.class === 'build' && control.os.includes(wanted.os))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

function packageRows(selected: readonly Control[], state: string): readonly (readonly string[])[] {
  return selected
    .filter((control) => control.kind === 'package')
    .flatMap(rowsOf)
    .filter((row) => row['state'] === state)
    .map((row) => (row['package'] ?? '').split('|'))
}

/**
 * Packages that the build must install before harden.sh, as this package manager names them, sorted. Of alternatives (`chrony|ntpsec`) the first, unless
 * one of them is among `added`, the packages that the image gets anyway.
 */
export function packagesNeeded(
  selected: readonly Control[],
  content: HardeningContent,
  manager: PackageManager,
  added: readonly string[] = [],
): readonly string[] {
  const ofKinds = selected.flatMap(
    (control) => content.kinds.get(control.kind)?.kind.packages?.[manager] ?? [],
  )
  const ofControls = packageRows(selected, 'present').flatMap((alternatives) =>
    alternatives.some((name) => added.includes(name)) ? [] : alternatives.slice(0, 1),
  )
  return [...new Set([...ofKinds, ...ofControls])].sort()
}

/** Packages that must not be in the image, sorted: to be removed when they are there. */
export function packagesUnwanted(
  selected: readonly Control[],
  _content: HardeningContent,
): readonly string[] {
  return [...new Set(packageRows(selected, 'absent').flat())].sort()
}
