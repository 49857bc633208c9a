import { allEnded } from '../../../core/all-ended.ts'
import { placeProblem } from '../../../core/place-problem.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AmiArtifact, Artifact, RecordedArtifact } from '../../../model/artifact.ts'
import type { Distributed } from '../../distributing.ts'
import { type BringInput, bringRegion, type Progress } from './bring-region.ts'
import { regionsOf } from './wanted.ts'

export interface DistributeAmiInput extends Omit<BringInput, 'region' | 'say' | 'end'> {
  readonly update: (text: string) => void
  /** Milliseconds for one region; two hours when left out. */
  readonly deadlineMs?: number
}

const usualDeadlineMs = 2 * 3_600_000

async function bring(input: DistributeAmiInput & Pick<BringInput, 'region' | 'say'>): Promise<Distributed> {
  const { world, deadlineMs = usualDeadlineMs, region, channels } = input
  const progress: Progress = {
    copy: null,
    notes: [],
    done: [],
    moved: [],
    channels,
    watermarks: true,
    gone: [],
    waited: null,
  }
  const end = world.clock.now().getTime() + deadlineMs
  const own = input.calls.region === region ? null : input.calls.at(region)
  const left = await bringRegion({ ...input, end }, progress, own ?? input.calls)
    .catch((cause: unknown) => ({ place: region, ...placeProblem(cause) }))
    .finally(() => own?.close())
  const { copy, done, moved, notes } = progress
  return { copies: copy === null ? [] : [copy], done, moved, notes, left: left === null ? [] : [left] }
}

/**
 * Brings a release to every region of its definition, each for itself and all at once: the copy with its key, tags and attributes, then
 * the parameters that name it. What is there is left alone, so it may be called again after whatever stopped it.
 * @throws MintmarkError INTERRUPTED
 */
export async function distributeAmi(input: DistributeAmiInput): Promise<Distributed> {
  const { target, artifact, update } = input
  const regions = regionsOf(target, artifact)
  let ended = 0
  const bringOne = async (region: string): Promise<Distributed> => {
    const say = (text: string): void => update(`${text} (${ended} of ${regions.length} regions are done)`)
    const result = await bring({ ...input, region, say })
    ended += 1
    return result
  }
  // What the copies inherit comes first.
  const original = await bringOne(artifact.region)
  const others = regions.filter((region) => region !== artifact.region)
  const all = [original, ...(await allEnded(others.map(bringOne)))]
  return {
    copies: all.flatMap(({ copies }) => copies),
    done: all.flatMap(({ done }) => done),
    moved: all.flatMap(({ moved }) => moved),
    left: all.flatMap(({ left }) => left),
    notes: all.flatMap(({ notes }) => notes),
  }
}

/** @throws MintmarkError INTERNAL for an artifact of another target */
export function amiOf(artifact: Artifact | RecordedArtifact): AmiArtifact {
  if (artifact.format === 'ami') return artifact
  throw new MintmarkError('INTERNAL', `a ${artifact.format} is no image of AWS`)
}
