import type { PublishAction, SeenKey, WantedImage } from '../../../core/aws-publish-plan.ts'
import { MintmarkError } from '../../../errors.ts'
import type { AmiArtifact } from '../../../model/artifact.ts'
import type { World } from '../../../ports/world.ts'
import type { AwsCalls } from '../client.ts'
import { copyImage, discardCopy } from './copy.ts'
import { pointParameter } from './parameters.ts'

/** What is found out about copies on the way. */
export interface Copying {
  /** Those that failed or that nobody finds: their tokens would give them again. */
  readonly gone: string[]
  /** The one that was waited for; null: none was. */
  waited: string | null
}

export interface ApplyInput {
  readonly world: Pick<World, 'clock' | 'signal'>
  /** Of the action's region. */
  readonly calls: AwsCalls
  readonly artifact: AmiArtifact
  readonly wanted: WantedImage
  readonly key: SeenKey
  readonly run: string
  readonly tier: 'standard' | 'advanced'
  readonly copying: Copying
  readonly deadlineMs: number
}

/** What an action came to. */
export type Applied = 'done' | 'not-there'

/** EC2's words for an operation that it does not have in a region. */
const unknownOperation = ['InvalidAction', 'UnknownOperationException', 'UnsupportedOperation']

/**
 * Does one action. Each may be repeated: what is so already stays so.
 * @returns not-there where the region does not have what is asked for
 * @throws MintmarkError PROVIDER_REFUSED, PROVIDER_UNREACHABLE, CONFLICT, INTERRUPTED
 */
export async function applyAction(
  input: ApplyInput,
  action: Exclude<PublishAction, { readonly kind: 'blocked' }>,
): Promise<Applied> {
  const { calls, wanted, key, copying } = input
  const { ec2 } = calls
  switch (action.kind) {
    case 'copy': {
      if (key.arn === null)
        throw new MintmarkError('INTERNAL', `a copy to ${action.region} was planned without a key`)
      const { gone } = copying
      const { imageId, found } = await copyImage({ ...input, gone, key: key.arn }, action.imageId)
      if (found) copying.waited = imageId
      else gone.push(imageId)
      return 'done'
    }
    case 'discard':
      await discardCopy(calls, wanted, action.imageId)
      copying.gone.push(action.imageId)
      return 'done'
    case 'tag': {
      const Tags = Object.entries(action.tags).map(([Key, Value]) => ({ Key, Value }))
      await ec2.send('CreateTags', { Resources: [...action.resources], Tags })
      return 'done'
    }
    case 'set-attribute':
      await ec2.send('ModifyImageAttribute', {
        ImageId: action.imageId,
        ImdsSupport: { Value: action.value },
      })
      return 'done'
    case 'protect':
      await ec2.send('EnableImageDeregistrationProtection', { ImageId: action.imageId })
      return 'done'
    case 'deprecate':
      await ec2.send('EnableImageDeprecation', {
        ImageId: action.imageId,
        DeprecateAt: new Date(action.at),
      })
      return 'done'
    case 'watermark': {
      const name = action.watermark.slice(action.watermark.indexOf(':') + 1)
      const asked = { ImageId: action.imageId, WatermarkName: name }
      const answer = await ec2.find('AttachImageWatermark', asked, unknownOperation)
      return answer === null ? 'not-there' : 'done'
    }
    case 'point':
      await pointParameter({
        ...input,
        ...action,
        tags: Object.entries(wanted.tags)
          .filter(([name]) => /^mintmark:(?:image|owner)$/.test(name))
          .map(([Key, Value]) => ({ Key, Value })),
        deadlineMs: Math.min(input.deadlineMs, 60_000),
      })
      return 'done'
  }
}
