import type { MintmarkError } from '../../pipeline/errors.ts'
import { type AwsCalls, type AwsOptions, awsCalls } from '../../pipeline/targets/aws/client.ts'
import { type AwsAnswer, type AwsAnswers, type AwsRequest, startAwsAnswers } from './aws-answers.ts'
import { refusal } from './refusal.ts'

type Work<T> = (calls: AwsCalls, server: AwsAnswers) => Promise<T>

/** Work with a server that answers so. */
export async function answered<T>(
  answer: (request: AwsRequest, before: number) => AwsAnswer | null,
  work: Work<T>,
  options: Partial<AwsOptions> = {},
): Promise<T> {
  const server = await startAwsAnswers(answer)
  const calls = awsCalls({
    region: 'eu-west-1',
    endpoint: server.endpoint,
    signal: new AbortController().signal,
    attempts: 2,
    ...options,
  })
  try {
    return await work(calls, server)
  } finally {
    calls.close()
    await server.close()
  }
}

/** Ids of all images that the calls are answered with. */
export async function images(calls: AwsCalls): Promise<readonly string[]> {
  const found: string[] = []
  for await (const page of calls.ec2.pages('DescribeImages', { Owners: ['136693071363'], MaxResults: 2 }))
    found.push(...(page.Images ?? []).map((image) => image.ImageId ?? ''))
  return found
}

/** What a call ends with when the service answers so. */
export const told = (answer: AwsAnswer, options: Partial<AwsOptions> = {}): Promise<MintmarkError> =>
  answered(
    () => answer,
    (calls) => refusal(images(calls)),
    options,
  )

/** A page of DescribeImages. */
export const page = (ids: readonly string[], token: string | null): AwsAnswer => ({
  body: `<DescribeImagesResponse><imagesSet>${ids
    .map((id) => `<item><imageId>${id}</imageId></item>`)
    .join(
      '',
    )}</imagesSet>${token === null ? '' : `<nextToken>${token}</nextToken>`}</DescribeImagesResponse>`,
})

/** What STS says of a session of that account. */
export const identity = (account: string): AwsAnswer => ({
  body: `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::${account}:assumed-role/builder/run-7</Arn><UserId>A</UserId><Account>${account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
})
