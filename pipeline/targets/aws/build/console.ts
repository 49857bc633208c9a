import { lastLines } from '../../../core/console-lines.ts'
import type { ForRun } from '../../building.ts'
import type { AwsCalls } from '../client.ts'
import { imageRunFilter } from '../tags.ts'

const lines = 12

/** The last lines of the consoles of a run's instances, also of one that has just ended; empty when EC2 has none. */
export async function consoleOfRun(
  { ec2 }: AwsCalls,
  { image, runId }: Pick<ForRun, 'image' | 'runId'>,
): Promise<readonly string[]> {
  const said: string[] = []
  for await (const { Reservations = [] } of ec2.pages('DescribeInstances', {
    Filters: imageRunFilter(image, runId),
  }))
    for (const { Instances = [] } of Reservations)
      for (const { InstanceId: id = '' } of Instances) {
        const answer = await ec2.find('GetConsoleOutput', { InstanceId: id }, ['InvalidInstanceID.NotFound'])
        const text = new TextDecoder().decode(
          Uint8Array.from(atob(answer?.Output ?? ''), (char) => char.charCodeAt(0)),
        )
        said.push(...lastLines(text, lines))
      }
  return said.slice(-lines)
}
