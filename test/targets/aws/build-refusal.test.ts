import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parsePackerLine, tellingLines } from '../../../pipeline/core/packer-output.ts'
import { errorTable } from '../../../pipeline/errors.ts'
import { buildStage } from '../../../pipeline/stages/build.ts'
import { loadDefinition } from '../../../pipeline/stages/load-definition.ts'
import { renderStage } from '../../../pipeline/stages/render.ts'
import type { StageContext, StageOutputs } from '../../../pipeline/stages/stage.ts'
import { aws } from '../../../pipeline/targets/aws/aws.ts'
import { refusalOfBuild } from '../../../pipeline/targets/aws/build/refusal.ts'
import { awsCalls } from '../../../pipeline/targets/aws/client.ts'
import { unexpectedCalls } from '../../cloud/permissions.ts'
import { withBuilds } from '../../helpers/aws-build.ts'
import { withImages } from '../../helpers/images-folder.ts'
import { refusal } from '../../helpers/refusal.ts'

const refusals = suite('what AWS refuses Packer')
const { under, box, baseHere, left } = withBuilds(refusals)

const calls = awsCalls({ region: 'eu-west-1', signal: new AbortController().signal })

/** The lines of a failed build, from what Packer prints for a machine. */
const linesOf = (said: string): readonly string[] =>
  tellingLines(
    [
      '1763860000,,ui,say,==> amazon-ebs.image: Launching a source AWS instance...',
      `1763860001,,ui,error,==> amazon-ebs.image: ${said}`,
      `1763860002,,ui,error,Build 'amazon-ebs.image' errored after 2 seconds: ${said}`,
      `1763860002,amazon-ebs.image,error,${said}`,
    ].map(parsePackerLine),
    12,
  )

const ended = (status: number): string =>
  `\\n\tstatus code: ${status}%!(PACKER_COMMA) request id: 5d7f2f0e-0c1e-4b54-9d5c-000000000000`

refusals('a permission: whose, for what, and the statement to add; no encoded message', () => {
  const said = `Error launching source instance: UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/builder/run-7 is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:eu-west-1:111122223333:instance/* because no identity-based policy allows the ec2:RunInstances action. Encoded authorization failure message: ${'x'.repeat(200)}${ended(403)}`
  const error = refusalOfBuild(calls, linesOf(said))
  assert.ok(error)
  assert.is(errorTable[error.code].exit, 8)
  assert.match(error.message, 'may not ec2:RunInstances on arn:aws:ec2:eu-west-1:111122223333:instance/*')
  const [statement = '{}'] = error.lines
  assert.is(JSON.parse(statement).Action, 'ec2:RunInstances')
  assert.not.match([error.message, ...error.lines].join(), 'xxxx')
})

for (const [said, expected] of [
  [
    `Error launching source instance: VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 0 allows.${ended(400)}`,
    'a quota of this account in eu-west-1 is used up: ec2:RunInstances (VcpuLimitExceeded)',
  ],
  [
    `Error launching source instance: InsufficientInstanceCapacity: We currently do not have sufficient t3.small capacity.${ended(500)}`,
    "AWS can't serve ec2:RunInstances in eu-west-1 as asked (InsufficientInstanceCapacity)",
  ],
  [
    `Error creating AMI: RequestExpired: Request has expired.${ended(400)}`,
    'these AWS credentials have expired (RequestExpired)',
  ],
] as const)
  refusals(expected, () => {
    assert.is(refusalOfBuild(calls, linesOf(said))?.message, expected)
  })

refusals("anything else is the build's own failure: a script, a timeout, another program's words", () => {
  for (const said of [
    'Script exited with non-zero exit status: 1. Allowed exit codes are: [0]',
    'Timeout waiting for SSH.',
    `upload failed: AccessDenied: Access Denied${ended(403)}`,
  ])
    assert.is(refusalOfBuild(calls, linesOf(said)), null, said)
})

refusals('a build whose instance is refused ends with 8 and leaves nothing', async () => {
  const plain = await withImages(box().world, box().folder, 'cloud', 'cloud')
  const world = { ...plain, env: { ...process.env } }
  const definition = await loadDefinition(world, 'cloud')
  const run = { image: 'cloud', definition, runId: 'run-refused', version: '1.0.0' }
  const having = (done: Partial<StageOutputs>): StageContext => ({
    ...run,
    world,
    target: aws,
    folder: join(box().folder, 'run'),
    seconds: {},
    options: { trivyDb: null, knownExploited: null, emergency: null },
    step: world.report.step('build'),
    need: ((id: 'base' | 'render') => done[id]) as StageContext['need'],
  })
  const { output: render } = await renderStage.run(having({}))
  const context = having({ base: await baseHere(), render })
  const before = (await under.cloud().calls()).length
  await under.cloud().change({ denials: [{ action: 'ec2:RunInstances' }] })
  const error = await refusal(buildStage.run(context))
  assert.is(errorTable[error.code].exit, 8)
  assert.match(error.message, 'may not ec2:RunInstances')
  assert.match(error.lines.join(), '"Action":"ec2:RunInstances"')
  assert.equal(await left(run), [])
  const made = (await under.cloud().calls()).slice(before)
  assert.ok(
    made.some(({ action, result }) => action === 'RunInstances' && result === 'UnauthorizedOperation'),
  )
  assert.equal(unexpectedCalls(made, ['builder']), [])
})

refusals.run()
