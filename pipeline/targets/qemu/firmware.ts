import { MintmarkError } from '../../errors.ts'
import type { Definition } from '../../model/definition.ts'
import type { World } from '../../ports/world.ts'

export interface UefiFirmware {
  /** Read-only code, absolute path. */
  readonly code: string
  /** Template of the variables; each machine needs a copy of its own. */
  readonly vars: string
}

/** What of a machine decides on its firmware. */
type FirmwareWanted = Pick<Definition['machine'], 'firmware' | 'secureBoot'>

const folder = '/usr/share/OVMF'

/**
 * Files of Debian's `ovmf` for a machine; null for BIOS, which QEMU brings itself. With Secure Boot the
 * variables hold Microsoft's keys, enrolled.
 */
export function firmwareOf(machine: FirmwareWanted): UefiFirmware | null {
  if (machine.secureBoot) {
    return { code: `${folder}/OVMF_CODE_4M.secboot.fd`, vars: `${folder}/OVMF_VARS_4M.ms.fd` }
  }
  if (machine.firmware === 'bios') return null
  return { code: `${folder}/OVMF_CODE_4M.fd`, vars: `${folder}/OVMF_VARS_4M.fd` }
}

/** @throws MintmarkError TOOL_MISSING when a file of the firmware is not on this machine */
export async function needFirmware(
  world: Pick<World, 'files'>,
  machine: FirmwareWanted,
): Promise<UefiFirmware | null> {
  const firmware = firmwareOf(machine)
  if (firmware === null) return null
  for (const path of [firmware.code, firmware.vars]) {
    if ((await world.files.info(path)) === null) {
      throw new MintmarkError('TOOL_MISSING', `${path} is not on this machine`, {
        hint: 'apt-get install ovmf',
      })
    }
  }
  return firmware
}
