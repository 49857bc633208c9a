import { sourceTag } from '../../../core/aws-publish-plan.ts'
import { unique } from '../../../core/lists.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AwsTarget } from '../../../model/aws-target.ts'
import type { Remain, Remains, RemainsInput } from '../../building.ts'
import type { AwsCalls } from '../client.ts'
import { requireOwnAccount } from '../connect.ts'
import { findOlder, type Keep, type Marked, removeMarked } from './sweep.ts'

/** What a release is made of: its own image, and the copies of it. */
function keptBy(artifacts: RemainsInput['artifacts']): Keep {
  const ids = new Set(artifacts.flatMap((one) => (one.format === 'ami' ? [one.imageId] : [])))
  const sources = new Set(artifacts.map(({ sha256 }) => sha256))
  return ({ id, tags }) => ids.has(id) || sources.has(tags[sourceTag] ?? '')
}

/**
 * What older runs of the image left, in each region of the definition, and where its releases were built.
 * @throws MintmarkError PROVIDER_REFUSED for another account; a region that could not be looked at is one of the problems
 */
export async function remainsOf(
  callsAt: (region: string) => AwsCalls,
  spec: AwsTarget,
  { world, image, before, artifacts }: RemainsInput,
): Promise<Remains> {
  const home = callsAt(spec.build.region)
  await requireOwnAccount(home, image, spec)
  const keep = keptBy(artifacts)
  const built = artifacts.flatMap((one) => (one.format === 'ami' ? [one.region] : []))
  const found: Remain[] = []
  const problems: MintmarkError[] = []
  const told = (calls: AwsCalls, { kind, id, tags }: Marked): Remain => ({
    what: kind,
    id,
    where: calls.region,
    image,
    run: tags['mintmark:run'] ?? '',
    made: tags['mintmark:created'] ?? '',
    remove: async (update) => {
      const { clock, signal } = world
      await removeMarked(calls, { kind, id }, { clock, signal, update })
    },
  })
  await Promise.all(
    unique([spec.build.region, ...spec.regions, ...built]).map(async (region) => {
      const calls = callsAt(region)
      try {
        const marked = await findOlder(calls, image, before, keep)
        found.push(...marked.map((item) => told(calls, item)))
      } catch (cause) {
        if (!(cause instanceof MintmarkError) || cause.code === 'INTERRUPTED') throw cause
        problems.push(cause)
      }
    }),
  )
  return { found, problems }
}
