import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { answered, identity, images, page, told } from '../../helpers/aws-calls.ts'
import { fakeCredentials } from '../../helpers/moto-server.ts'
import { refusal } from '../../helpers/refusal.ts'

const credentials = suite('credentials of AWS')

let fake: ReturnType<typeof fakeCredentials>
credentials.before(() => {
  fake = fakeCredentials()
})
credentials.after(() => fake.restore())

/** Work with nothing of the machine's own to find credentials in but a home folder with this AWS configuration. */
async function atHome(config: string, work: () => Promise<void>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'mintmark-home-'))
  await mkdir(join(home, '.aws/sso/cache'), { recursive: true })
  await writeFile(join(home, '.aws/config'), config)
  const session = createHash('sha1').update('corp').digest('hex')
  await writeFile(
    join(home, `.aws/sso/cache/${session}.json`),
    JSON.stringify({
      accessToken: 'x',
      expiresAt: '2020-01-01T00:00:00Z',
      startUrl: 'https://corp.example/start',
    }),
  )
  const set = { HOME: home, AWS_EC2_METADATA_DISABLED: 'true' }
  const names = [...Object.keys(set), 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
  const before = names.map((name) => [name, process.env[name]] as const)
  for (const name of names) delete process.env[name]
  Object.assign(process.env, set)
  try {
    await work()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    await rm(home, { recursive: true })
  }
}

const awsConfig = `[profile golden]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = builder
[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.example/start
[profile job]
role_arn = arn:aws:iam::111122223333:role/builder
web_identity_token_file = /nowhere/token
[profile keys]
aws_access_key_id = KEYSOFTHEPROFILE
aws_secret_access_key = x
`

credentials('the chain of the SDK, and what to do when it ends with none', async () => {
  await atHome(awsConfig, async () => {
    const none = await told(page([], null))
    assert.match(none.message, 'ec2:DescribeImages needs AWS credentials, and none are to be had')
    assert.match(none.hint, 'AWS_PROFILE')
    const nobody = await told(page([], null), { profile: 'nobody' })
    assert.match(nobody.message, 'the profile nobody gives no AWS credentials')
    assert.match(nobody.hint, 'aws configure list-profiles')
    const session = await told(page([], null), { profile: 'golden' })
    assert.is(session.message, 'the AWS session of the profile golden has expired')
    assert.is(session.hint, 'sign in again: aws sso login --profile golden')
    const job = await told(page([], null), { profile: 'job' })
    assert.match(job.message, '/nowhere/token')
    assert.match(job.hint, 'AWS_WEB_IDENTITY_TOKEN_FILE')
    for (const error of [none, nobody, session, job]) assert.is(error.code, 'PROVIDER_REFUSED')
    await answered(
      () => page(['ami-1'], null),
      async (calls, server) => {
        assert.equal(await images(calls), ['ami-1'])
        assert.is(server.requests[0]?.key, 'KEYSOFTHEPROFILE')
      },
      { profile: 'keys' },
    )
  })
})

credentials('they are looked for once, for every service and region', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mintmark-process-'))
  const script = join(folder, 'credentials.sh')
  const key = JSON.stringify({ Version: 1, AccessKeyId: 'KEYSOFAPROCESS', SecretAccessKey: 'x' })
  await writeFile(script, `#!/bin/sh\necho once >>"${folder}/asked"\necho '${key}'\n`, { mode: 0o700 })
  await atHome(`[profile process]\ncredential_process = ${script}\n`, () =>
    answered(
      ({ operation }) => (operation === 'DescribeImages' ? page([], null) : identity('111122223333')),
      async (calls, server) => {
        const there = calls.at('us-east-1')
        await Promise.all([images(calls), images(there), calls.sts.send('GetCallerIdentity', {})])
        there.close()
        assert.equal(new Set(server.requests.map((request) => request.key)), new Set(['KEYSOFAPROCESS']))
        assert.equal(server.requests.map((request) => request.region).sort(), [
          'eu-west-1',
          'eu-west-1',
          'us-east-1',
        ])
        assert.is(await readFile(join(folder, 'asked'), 'utf8'), 'once\n')
      },
      { profile: 'process' },
    ),
  )
  await rm(folder, { recursive: true })
})

credentials('a program that gives none ends with the call that needs them', async () => {
  await atHome('[profile process]\ncredential_process = /bin/sleep 2\n', () =>
    answered(
      () => identity('111122223333'),
      async (calls) => {
        const error = await refusal(calls.credentials())
        assert.is(error.code, 'PROVIDER_UNREACHABLE')
        assert.match(error.message, 'was not answered within 0.3 s')
      },
      { profile: 'process', deadlineMs: 300 },
    ),
  )
})

credentials.run()
