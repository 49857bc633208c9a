import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorTable } from '../../../pipeline/errors.ts'
import { explainAws } from '../../../pipeline/targets/aws/errors.ts'

const errors = suite('errors of AWS')

const about = { action: 'ec2:DescribeImages', region: 'eu-west-1', profile: null, seconds: 60 }

function failure(name: string, message: string, status: number | undefined): Error {
  const error = new Error(message)
  error.name = name
  return Object.assign(error, { $metadata: { httpStatusCode: status, attempts: 3 } })
}

const codes = [
  'UnauthorizedOperation',
  'AccessDenied',
  'ExpiredToken',
  'AuthFailure',
  'SignatureDoesNotMatch',
  'CredentialsProviderError',
  'OptInRequired',
  'VcpuLimitExceeded',
  'RequestLimitExceeded',
  'InsufficientInstanceCapacity',
  'InvalidParameterValue',
  'InternalError',
  'TimeoutError',
]

errors('whatever AWS says: exit 8, one line, something to do, and no key or token of it', () => {
  const key = fc.stringMatching(/^(?:AKIA|ASIA)[A-Z2-7]{16}$/)
  const token = fc.stringMatching(/^[A-Za-z0-9+/=]{100,300}$/)
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(...codes), fc.string({ maxLength: 30, unit: 'binary' })),
      fc.tuple(fc.string({ maxLength: 80 }), key, token),
      fc.constantFrom(400, 401, 403, 404, 429, 500, 503, 200, undefined),
      (name, [words, id, session], status) => {
        const said = `${words} User: arn:aws:sts::111122223333:assumed-role/${id} ${id} ${session}\n${words}`
        const error = explainAws(failure(name, said, status), about)
        assert.is(errorTable[error.code].exit, 8)
        assert.ok(error.hint.length > 10)
        assert.not.match(error.message, /[\n\r]/)
        for (const text of [error.hint, ...error.lines]) {
          assert.not.ok(text.includes(session))
          assert.not.ok(text.includes(id) && !text.includes('assumed-role'))
        }
        assert.not.ok(error.message.includes(session))
      },
    ),
    { numRuns: 200 },
  )
})

errors('codes as every protocol writes them', () => {
  for (const name of [
    'Client.UnauthorizedOperation',
    'com.amazonaws.ssm#AccessDeniedException',
    'AccessDenied',
  ])
    assert.match(explainAws(failure(name, 'no', 403), about).message, 'may not ec2:DescribeImages')
})

errors('a network that is not there names what to check', () => {
  for (const [code, words] of [
    ['ENOTFOUND', 'no such host (ENOTFOUND)'],
    ['ECONNREFUSED', "can't be reached (ECONNREFUSED)"],
  ] as const) {
    const error = explainAws(Object.assign(new AggregateError([], ''), { code }), about)
    assert.is(error.code, 'PROVIDER_UNREACHABLE')
    assert.match(error.message, words)
  }
})

errors.run()
