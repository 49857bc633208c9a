import type { HardeningContent } from '../../pipeline/core/hardening/content.ts'
import { renderCheck, renderHarden } from '../../pipeline/core/hardening/render-hardening.ts'
import { selectControls } from '../../pipeline/core/hardening/select-controls.ts'
import { systems as facts } from '../../pipeline/core/systems.ts'
import { ControlOs } from '../../pipeline/model/hardening.ts'
import { loadHardening } from '../../pipeline/stages/load-hardening.ts'
import { testWorld } from '../helpers/world.ts'

export const systems: readonly ControlOs[] = ControlOs.options

/** The checkout's own hardening content. */
export async function ownContent(): Promise<HardeningContent> {
  const { world, close } = await testWorld()
  try {
    return await loadHardening(world)
  } finally {
    await close()
  }
}

export function rendered(
  content: HardeningContent,
  os: ControlOs,
): { readonly harden: string; readonly check: string } {
  const selected = selectControls(content, { profile: 'baseline', os })
  const settings = { manager: facts[os].manager, image: 'corp-base', ports: [443, 22] }
  return {
    harden: renderHarden(content, selected, settings),
    check: renderCheck(content, selected, settings),
  }
}
