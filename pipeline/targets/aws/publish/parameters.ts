import { MintmarkError } from '../../../errors.ts'
import type { World } from '../../../ports/world.ts'
import { noImage } from '../absent.ts'
import type { AwsCalls } from '../client.ts'
import type { Tag } from '../tags.ts'
import { until } from '../until.ts'

/** AWS answers a put before it has validated it, which takes seconds. */
const validatedMs = 60_000

export interface PointInput {
  readonly world: Pick<World, 'clock' | 'signal'>
  readonly calls: AwsCalls
  readonly parameter: string
  readonly imageId: string
  /** What it named at the look; null: there was none. */
  readonly from: string | null
  /** A channel's; false: a version's, which is made once. */
  readonly moves: boolean
  readonly tier: 'standard' | 'advanced'
  /** Of a parameter that is made. */
  readonly tags: readonly Tag[]
  /** Milliseconds; a minute when left out. */
  readonly deadlineMs?: number
}

async function namedBy(calls: AwsCalls, name: string): Promise<string | null> {
  const answer = await calls.ssm.find('GetParameter', { Name: name }, ['ParameterNotFound'])
  return answer?.Parameter?.Value ?? null
}

/** Whether an instance could be started by it: it names an image of ours that is there and available. */
async function resolves(calls: AwsCalls, imageId: string): Promise<boolean> {
  const gone = [...noImage, 'InvalidAMIID.Malformed']
  const asked = { ImageIds: [imageId], Owners: ['self'] }
  for await (const { Images = [] } of calls.ec2.pages('DescribeImages', asked, gone))
    if (Images.some(({ ImageId, State }) => ImageId === imageId && State === 'available')) return true
  return false
}

/** False when somebody else has made the parameter meanwhile. */
async function put(input: PointInput, value: string, overwrite: boolean): Promise<boolean> {
  const { calls, parameter, tier, tags } = input
  const answer = await calls.ssm.find(
    'PutParameter',
    {
      Name: parameter,
      Value: value,
      Type: 'String',
      DataType: 'aws:ec2:image',
      Tier: tier === 'advanced' ? 'Advanced' : 'Standard',
      // Tags can't go with an overwrite.
      ...(overwrite ? { Overwrite: true } : { Tags: [...tags] }),
    },
    ['ParameterAlreadyExists'],
  )
  return answer !== null
}

const named = (input: PointInput, value: string | null): Promise<true | null> =>
  until(input.world, input.deadlineMs ?? validatedMs, async () =>
    (await namedBy(input.calls, input.parameter)) === value ? true : null,
  )

const calling = (value: string | null): string => value ?? 'nothing'

/** Back to what it was before, unless somebody else has moved it meanwhile. @returns what it names by now, in words */
async function rollBack(input: PointInput): Promise<string> {
  const { calls, parameter, imageId, from } = input
  const now = await namedBy(calls, parameter)
  if (now !== imageId)
    return now === from ? `it names ${calling(now)}, as before` : `it names ${calling(now)}, by somebody else`
  if (from === null) await calls.ssm.find('DeleteParameter', { Name: parameter }, ['ParameterNotFound'])
  else {
    await put(input, from, true)
    if ((await named(input, from)) === null) return `what it names now is unknown, it should be ${from}`
  }
  return `it names ${calling(from)}, as before`
}

/**
 * Lets a parameter name the image: put, read back, resolved; or as it was before.
 * @throws MintmarkError PROVIDER_REFUSED when AWS does not take it or it does not resolve, CONFLICT when somebody else moved it
 */
export async function pointParameter(input: PointInput): Promise<void> {
  const { calls, parameter, imageId, from, moves } = input
  const { region } = calls
  const again = 'somebody else moves it: run the same command again'
  const now = await namedBy(calls, parameter)
  if (now !== from && now !== imageId)
    throw new MintmarkError(
      'CONFLICT',
      `${parameter} in ${region} names ${calling(now)} by now, and named ${calling(from)} a moment ago`,
      { hint: again, where: { region } },
    )
  if (now !== imageId && !(await put(input, imageId, now !== null && moves))) {
    const other = await namedBy(calls, parameter)
    if (other !== null && other !== imageId)
      throw new MintmarkError('CONFLICT', `${parameter} in ${region} names ${other} by now`, {
        hint: moves
          ? again
          : 'a version names one image for ever: find out who made it, and delete the parameter',
        where: { region },
      })
  }
  const taken = await named(input, imageId)
  if (taken !== null && (await resolves(calls, imageId))) return
  const after = await rollBack(input)
  throw new MintmarkError(
    'PROVIDER_REFUSED',
    `${parameter} in ${region} ${taken === null ? `did not come to name ${imageId}` : `names ${imageId}, which can't be launched`}: ${after}`,
    {
      hint: `aws ec2 describe-images --region ${region} --image-ids ${imageId} shows what it is; run the same command again`,
      where: { region },
    },
  )
}
