import { join } from 'node:path'
import * as z from 'zod'
import { digestOf } from '../../../core/digest.ts'
import { MintmarkError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Files } from '../../../ports/files.ts'
import { describeAmi } from '../base/find-ami.ts'
import type { AwsCalls } from '../client.ts'
import { pause } from '../pause.ts'
import { imageRunFilter, type Marks } from '../tags.ts'
import { awaitInstance } from './instance-state.ts'
import { groupsNamed, removeGroup } from './security-group.ts'

const terminationMs = 600_000
const unknownTries = 5
const unknownMs = 3000

/** What one instance is made of; in its folder for as long as there is any of it. */
export const InstanceParts = z.strictObject({
  instanceId: z.string(),
  group: z.string(),
  keyPair: z.string(),
})
export type InstanceParts = z.infer<typeof InstanceParts>

const partsFile = (folder: string): string => join(folder, 'instance-parts.json')

/** Null: nothing of an instance is left. */
export async function readParts(files: Files, folder: string): Promise<InstanceParts | null> {
  const path = partsFile(folder)
  if ((await files.info(path)) === null) return null
  return InstanceParts.parse(JSON.parse(await files.readText(path)))
}

/** The file is private, and is there before the caller goes on. */
export const writeParts = (files: Files, folder: string, parts: InstanceParts): Promise<void> =>
  files.write(partsFile(folder), `${JSON.stringify(parts)}\n`, { mode: 0o600 })

/** At most 64 characters, the same for the same instance: a request that was cut off and is sent again launches nothing twice. */
export const clientToken = (run: string, purpose: string, region: string): string =>
  digestOf({ run, purpose, region }).slice(0, 64)

export interface Removal {
  readonly calls: AwsCalls
  readonly clock: Clock
  /** Ends the wait early, as an error. */
  readonly signal: AbortSignal
  readonly update: (text: string) => void
}

async function terminate(removal: Removal, ids: readonly string[]): Promise<void> {
  for (const id of ids) await askToTerminate(removal, id)
  for (const id of ids) {
    const wanted = ['terminated'] as const
    await awaitInstance({ ...removal, id, wanted, deadlineMs: terminationMs })
  }
}

/** A new instance may not be known yet: only one that stays unknown is gone. */
export async function askToTerminate({ calls, clock, signal }: Removal, id: string): Promise<void> {
  for (let tries = 0; tries < unknownTries; tries += 1) {
    const asked = await calls.ec2.find('TerminateInstances', { InstanceIds: [id] }, [
      'InvalidInstanceID.NotFound',
    ])
    if (asked !== null) return
    await pause({ clock, signal }, unknownMs)
  }
}

/**
 * Removes an instance and all that was made for it alone; may be repeated.
 * @throws MintmarkError as the calls, and PROVIDER_UNREACHABLE when it does not end within ten minutes
 */
export async function removeParts(
  removal: Removal,
  files: Files,
  folder: string,
  parts: InstanceParts,
): Promise<void> {
  const { calls } = removal
  // The key first: it is of no use to a running machine, and nothing has to be waited for.
  await removeKeyPair(calls, parts.keyPair)
  await terminate(removal, [parts.instanceId])
  await removeGroup(calls, removal, parts.group)
  await files.remove(partsFile(folder))
}

/** One that is not there has no tags, so that a policy that goes by tags would forbid it: looked up first. */
async function removeKeyPair({ ec2 }: AwsCalls, name: string): Promise<void> {
  const asked = { Filters: [{ Name: 'key-name', Values: [name] }] }
  const { KeyPairs: pairs = [] } = await ec2.send('DescribeKeyPairs', asked)
  if (pairs.length > 0) await ec2.find('DeleteKeyPair', { KeyName: name }, ['InvalidKeyPair.NotFound'])
}

/** Instances of the run with this name that have not ended. */
async function instancesNamed(
  calls: AwsCalls,
  { image, run }: Pick<Marks, 'image' | 'run'>,
  name: string,
): Promise<readonly string[]> {
  const filters = [
    ...imageRunFilter(image, run),
    { Name: 'tag:Name', Values: [name] },
    { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped', 'shutting-down'] },
  ]
  const found: string[] = []
  for await (const { Reservations: reservations = [] } of calls.ec2.pages('DescribeInstances', {
    Filters: filters,
  }))
    for (const { Instances: instances = [] } of reservations)
      found.push(...instances.flatMap(({ InstanceId: id }) => (id === undefined ? [] : [id])))
  return found
}

/** Removes what a killed process left of an instance of this image, run and name: nobody has its key any more. */
export async function removeEarlier(
  removal: Removal,
  marks: Pick<Marks, 'image' | 'run'>,
  name: string,
): Promise<void> {
  const { calls } = removal
  await terminate(removal, await instancesNamed(calls, marks, name))
  for (const group of await groupsNamed(calls, name)) await removeGroup(calls, removal, group)
  await removeKeyPair(calls, name)
}

/**
 * The image's root device, as a launch has to name it.
 * @throws MintmarkError NOT_FOUND, PROVIDER_REFUSED
 */
export async function rootDeviceOf(calls: AwsCalls, imageId: string): Promise<string> {
  const rootDevice = (await describeAmi(calls, imageId))?.RootDeviceName
  if (rootDevice !== undefined) return rootDevice
  throw new MintmarkError('NOT_FOUND', `there is no image ${imageId} in ${calls.region}`, {
    hint: 'it was deregistered, or is of another account: build it again',
  })
}
