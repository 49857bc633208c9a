import { MintmarkError } from '../errors.ts'
import { ResolvedBase } from '../model/base.ts'
import { targets } from '../targets/registry.ts'
import { loadLock } from './load-definition.ts'
import type { Stage } from './stage.ts'

/** One line for people: `debian 13.7 from the signed archive (InRelease sha256:5f3a1b2c… of 2026-11-22)`. */
function lineOf(base: ResolvedBase, reused: boolean): string {
  // The suite that was signed last says how fresh the packages are.
  const [newest] = [...base.suites].sort((a, b) => Date.parse(b.date) - Date.parse(a.date))
  const proof =
    newest === undefined
      ? ''
      : ` (InRelease sha256:${newest.inRelease.slice(0, 8)}… of ${newest.date.slice(0, 10)})`
  return `${base.distribution} ${base.version} from the signed archive${proof}${reused ? ' · reused' : ''}`
}

/** Finds what the image is built on: the archive as the lock pins it, made into a disk, or the disk made of the same before. */
export const baseStage: Stage<'base'> = {
  id: 'base',
  needs: [],
  output: ResolvedBase,
  async run({ world, image, definition, step }) {
    const lock = await loadLock(world, image)
    if (lock.release !== definition.os.release) {
      throw new MintmarkError(
        'CONFIG_INVALID',
        `images/${image}.lock.json pins ${lock.distribution} ${lock.release}, and images/${image}.yaml asks for ${definition.os.release}`,
        { hint: `./mintmark base update ${image}` },
      )
    }
    const began = world.clock.now().getTime()
    const base = await targets.qemu.resolveBase({ world, image, definition, lock, step })
    return { output: base, line: lineOf(base, Date.parse(base.bootstrapped) < began) }
  },
}
