import { definitionText, image } from '../helpers/aws-release.ts'
import { type Typed, type Undisturbed, undisturbed } from './kill.ts'
import type { Prepared } from './prepared.ts'

/** Looks at the plan first, as `share apply` wants it where somebody loses the image. */
const takeBack: Typed = async (run) => {
  const planned = await run(['share', 'plan', image, '--json'])
  const { plan }: { readonly plan: string } = JSON.parse(planned.stdout)
  return run(['share', 'apply', image, '--plan', plan])
}

/** From the candidate on: into every region, to everybody who is named, and back from them. */
export async function allWays({ cli, scanned, release }: Prepared): Promise<readonly Undisturbed[]> {
  const apply = ['share', 'apply', image]
  const released = await undisturbed({
    name: 'release',
    cli,
    ...scanned,
    definition: definitionText(),
    args: release,
  })
  const shared = await undisturbed({
    name: 'share apply',
    cli,
    cloud: released.cloud,
    files: released.files,
    definition: definitionText(),
    args: apply,
  })
  const begun = { cli, cloud: shared.cloud, files: shared.files, definition: definitionText([]) }
  const there = await undisturbed({ ...begun, name: 'share plan', args: ['share', 'plan', image, '--json'] })
  const { plan }: { readonly plan: string } = JSON.parse(there.ended.stdout)
  const taken = await undisturbed({
    ...begun,
    name: 'share apply, taking back',
    args: [...apply, '--plan', plan],
    again: takeBack,
  })
  return [released, shared, taken]
}
