import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MintmarkError } from '../../../pipeline/errors.ts'
import { awsCalls } from '../../../pipeline/targets/aws/client.ts'
import { jsonError, queryError } from '../../helpers/aws-answers.ts'
import { answered, images, page, told } from '../../helpers/aws-calls.ts'
import { fakeCredentials } from '../../helpers/moto-server.ts'
import { refusal } from '../../helpers/refusal.ts'

const client = suite('calls to AWS')

let fake: ReturnType<typeof fakeCredentials>
client.before(() => {
  fake = fakeCredentials()
})
client.after(() => fake.restore())

client('every page is read, an empty one in the middle too', async () => {
  await answered(
    ({ input }) =>
      input['NextToken'] === undefined
        ? page(['ami-1', 'ami-2'], 'a')
        : input['NextToken'] === 'a'
          ? page([], 'b')
          : page(['ami-3'], null),
    async (calls, server) => {
      assert.equal(await images(calls), ['ami-1', 'ami-2', 'ami-3'])
      assert.equal(
        server.requests.map(({ input }) => [input['MaxResults'], input['NextToken']]),
        [
          ['2', undefined],
          ['2', 'a'],
          ['2', 'b'],
        ],
      )
      assert.is(server.requests[0]?.region, 'eu-west-1')
    },
  )
})

client('pages that never end are refused', async () => {
  const error = await told(page(['ami-1'], 'again'))
  assert.is(error.code, 'PROVIDER_REFUSED')
  assert.match(error.message, 'ec2:DescribeImages in eu-west-1 gives the same page again and again')
})

client('a missing permission: action, resource, whose, and the statement to add', async () => {
  const error = await told(
    queryError(
      'UnauthorizedOperation',
      'You are not authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/builder/run-7 is not authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:eu-west-1:111122223333:instance/* because no identity-based policy allows the ec2:CreateTags action. Encoded authorization failure message: aGVsbG8tdGhlcmUtdGhpcy1pcy1zZWNyZXQ',
      403,
    ),
  )
  assert.is(error.code, 'PROVIDER_REFUSED')
  assert.is(
    error.message,
    'arn:aws:sts::111122223333:assumed-role/builder/run-7 may not ec2:CreateTags on arn:aws:ec2:eu-west-1:111122223333:instance/*, which ec2:DescribeImages needs',
  )
  assert.equal(
    error.lines.map((line) => JSON.parse(line)),
    [
      {
        Effect: 'Allow',
        Action: 'ec2:CreateTags',
        Resource: 'arn:aws:ec2:eu-west-1:111122223333:instance/*',
        Condition: { Null: { 'aws:RequestTag/mintmark:image': 'false', 'ec2:CreateAction': 'false' } },
      },
    ],
  )
  assert.match(error.hint, 'a policy of arn:aws:sts::111122223333:assumed-role/builder')
  assert.equal(error.where, {
    action: 'ec2:CreateTags',
    region: 'eu-west-1',
    resource: 'arn:aws:ec2:eu-west-1:111122223333:instance/*',
  })
})

client('EC2 that says no more than no: the action of the call, and its resources by the table', async () => {
  const error = await told(queryError('UnauthorizedOperation', 'You are not authorized.', 403))
  assert.is(error.message, 'these credentials may not ec2:DescribeImages in eu-west-1')
  assert.is(
    error.lines[0],
    '{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}',
  )
  const ssm = await answered(
    () => jsonError('AccessDeniedException', 'User: x is not authorized'),
    (calls) => refusal(calls.ssm.send('GetParameter', { Name: '/aws/service/x' })),
  )
  assert.match(ssm.lines[0] ?? '', '"arn:aws:ssm:eu-west-1::parameter/aws/service/*"')
})

client('an explicit deny, and a boundary: no statement is promised to help', async () => {
  const deny = await told(
    queryError(
      'UnauthorizedOperation',
      'User: arn:aws:iam::111122223333:user/ann is not authorized to perform: ec2:DescribeImages with an explicit deny in a service control policy',
      403,
    ),
  )
  assert.match(deny.hint, 'explicit deny in a service control policy')
  assert.equal(deny.lines, [])
  const boundary = await told(
    queryError(
      'UnauthorizedOperation',
      'User: arn:aws:iam::111122223333:user/ann is not authorized to perform: ec2:DescribeImages because no permissions boundary allows the ec2:DescribeImages action',
      403,
    ),
  )
  assert.match(boundary.hint, 'the permissions boundary leaves it out')
})

client("what is somebody else's is no word on the credentials", async () => {
  const error = await told(queryError('AuthFailure', 'Not authorized for image:ami-0123456789abcdef0'))
  assert.match(error.message, 'AWS refuses ec2:DescribeImages in eu-west-1 (AuthFailure, 400)')
})

client('a deadline holds also between two tries, and while credentials are asked for', async () => {
  const began = Date.now()
  const late = await answered(
    () => queryError('RequestLimitExceeded', 'Request limit exceeded.', 503),
    (calls) => refusal(calls.ec2.send('GetImageAncestry', { ImageId: 'ami-1' })),
    { deadlineMs: 1500, attempts: 8 },
  )
  assert.is(late.code, 'PROVIDER_UNREACHABLE')
  assert.ok(Date.now() - began < 6000, `${Date.now() - began} ms`)
})

client('credentials: expired, unknown, a clock that is off, a region that is not switched on', async () => {
  const expired = await told(queryError('RequestExpired', 'Request has expired.'))
  assert.match(expired.message, 'these AWS credentials have expired (RequestExpired)')
  assert.match(expired.hint, 'aws sso login')
  const unknown = await told(queryError('AuthFailure', 'AWS was not able to validate', 401))
  assert.match(unknown.message, 'AWS does not take these credentials (AuthFailure)')
  const off = await told(queryError('AuthFailure', 'AWS was not able to validate', 401), {
    region: 'eu-south-2',
  })
  assert.match(off.message, 'eu-south-2 is not switched on for this account')
  assert.match(off.hint, 'aws account enable-region --region-name eu-south-2')
  const optIn = await told(queryError('OptInRequired', 'You are not subscribed', 401))
  assert.match(optIn.message, 'eu-west-1 is not switched on')
  const clock = await told(
    queryError('SignatureDoesNotMatch', 'Signature expired: 20261122T000000Z is now earlier than …', 403),
  )
  assert.match(clock.message, 'the clock of this machine is not that of AWS')
  for (const error of [expired, unknown, off, optIn, clock]) {
    assert.is(error.code, 'PROVIDER_REFUSED')
    assert.equal(error.lines, [])
  }
})

client('throttled to the end, a quota, no capacity, a value that AWS does not take', async () => {
  await answered(
    () => queryError('RequestLimitExceeded', 'Request limit exceeded.', 503),
    async (calls, server) => {
      const error = await refusal(images(calls))
      assert.is(error.code, 'PROVIDER_UNREACHABLE')
      assert.match(error.message, 'still throttled after 2 tries (RequestLimitExceeded)')
      assert.is(server.requests.length, 2)
    },
  )
  const quota = await told(queryError('VcpuLimitExceeded', 'You have requested more vCPU capacity than …'))
  assert.match(
    quota.message,
    'a quota of this account in eu-west-1 is used up: ec2:DescribeImages (VcpuLimitExceeded)',
  )
  assert.match(quota.lines[0] ?? '', 'AWS says: You have requested more vCPU')
  const capacity = await told(queryError('InsufficientInstanceCapacity'))
  assert.match(capacity.hint, 'another instance type, zone or region')
  const value = await told(
    queryError(
      'InvalidParameterValue',
      `Value (x) is not valid; key AKIAABCDEFGHIJKLMNOP, ${'a1'.repeat(60)}`,
    ),
  )
  assert.is(value.code, 'PROVIDER_REFUSED')
  assert.match(value.message, 'AWS refuses ec2:DescribeImages in eu-west-1 (InvalidParameterValue, 400)')
  assert.is(value.lines[0], 'AWS says: Value (x) is not valid; key …, …')
  for (const error of [quota, capacity]) assert.is(error.code, 'PROVIDER_REFUSED')
})

client('throttled and then not: nobody hears of it', async () => {
  await answered(
    (_, before) => (before === 0 ? queryError('Throttling', 'Rate exceeded', 400) : page(['ami-1'], null)),
    async (calls) => assert.equal(await images(calls), ['ami-1']),
  )
})

client('no answer in time, none at all, and stopped', async () => {
  const late = await told({ ...page([], null), after: 2_000 }, { deadlineMs: 200 })
  assert.is(late.code, 'PROVIDER_UNREACHABLE')
  assert.match(late.message, 'ec2:DescribeImages in eu-west-1 was not answered within 0.2 s')
  const cut = await answered(
    () => null,
    (calls) => refusal(images(calls)),
  )
  assert.is(cut.code, 'PROVIDER_UNREACHABLE')
  const stop = new AbortController()
  const stopped = await answered(
    () => {
      stop.abort()
      return { ...page([], null), after: 1_000 }
    },
    (calls) => refusal(images(calls)),
    { signal: stop.signal },
  )
  assert.is(stopped.code, 'INTERRUPTED')
})

client('nothing there is an answer only where it was asked for, and only for those codes', async () => {
  await answered(
    () => jsonError('ParameterNotFound'),
    async (calls) => {
      const input = { Name: '/aws/service/x' }
      assert.is(await calls.ssm.find('GetParameter', input, ['ParameterNotFound']), null)
      assert.is((await refusal(calls.ssm.find('GetParameter', input, ['Other']))).code, 'PROVIDER_REFUSED')
      assert.is((await refusal(calls.ssm.send('GetParameter', input))).code, 'PROVIDER_REFUSED')
    },
  )
})

client('an answer of something else on the way is not taken for one of AWS', async () => {
  for (const status of [200, 302, 502]) {
    const html = { status, body: '<html><body>Sign in to the guest network</body></html>' }
    const ssm = await answered(
      () => ({ ...html, headers: { 'content-type': 'text/html' } }),
      (calls) => refusal(calls.ssm.send('GetParameter', { Name: 'x' })),
    )
    assert.is(ssm.code, 'PROVIDER_UNREACHABLE', `${status}`)
    assert.match(ssm.message, "ssm:GetParameter in eu-west-1 can't be reached")
    assert.is((await told(html)).code, 'PROVIDER_UNREACHABLE', `${status}`)
  }
})

client('a region that is none is refused before anything is looked for', () => {
  const signal = new AbortController().signal
  for (const region of ['', 'eu-west', 'EU-WEST-1', 'eu-west-1.example.com', '../x'])
    assert.throws(
      () => awsCalls({ region, signal }),
      (error: unknown) => error instanceof MintmarkError && error.code === 'CONFIG_INVALID',
    )
})

client('what the table does not have, or has no such field, does not compile', () => {
  const calls = awsCalls({ region: 'eu-west-1', signal: new AbortController().signal })
  const never = async (): Promise<void> => {
    // @ts-expect-error not in the table
    await calls.ec2.send('RebootInstances', { InstanceIds: [] })
    // @ts-expect-error answers page by page
    await calls.ec2.send('DescribeImages', {})
    // @ts-expect-error no such field
    await calls.ssm.send('GetParameter', { Name: 'x', Colour: 'red' })
    // @ts-expect-error of another service
    await calls.ssm.send('GetCallerIdentity', {})
    // @ts-expect-error no such field in the answer
    void (await calls.sts.send('GetCallerIdentity', {})).Colour
  }
  assert.type(never, 'function')
})

client.run()
