import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { requireAccount } from '../../../pipeline/targets/aws/account.ts'
import { stsError } from '../../helpers/aws-answers.ts'
import { answered, identity } from '../../helpers/aws-calls.ts'
import { fakeCredentials } from '../../helpers/moto-server.ts'
import { refusal } from '../../helpers/refusal.ts'

const account = suite('account guard')

let fake: ReturnType<typeof fakeCredentials>
account.before(() => {
  fake = fakeCredentials()
})
account.after(() => fake.restore())

account('the one that was meant, or both are named and nothing is made', async () => {
  const where = 'mintmark.yaml:4:5 accounts.image-factory'
  await answered(
    () => identity('012345678901'),
    async (calls, server) => {
      assert.equal(await requireAccount(calls, '012345678901', where), {
        account: '012345678901',
        arn: 'arn:aws:sts::012345678901:assumed-role/builder/run-7',
        partition: 'aws',
      })
      const other = await refusal(requireAccount(calls, '111122223333', where))
      assert.is(other.code, 'PROVIDER_REFUSED')
      assert.is(
        other.message,
        'these credentials are of account 012345678901 (arn:aws:sts::012345678901:assumed-role/builder/run-7), and mintmark.yaml:4:5 accounts.image-factory says 111122223333: nothing was made',
      )
      assert.is((await refusal(requireAccount(calls, '12345678901', where))).code, 'CONFIG_INVALID')
      assert.is(server.requests.length, 2)
    },
  )
  const expired = await answered(
    () => stsError('ExpiredToken', 'The security token included in the request is expired'),
    (calls) => refusal(requireAccount(calls, '012345678901', where)),
  )
  assert.match(expired.message, 'these AWS credentials have expired (ExpiredToken)')
  const nobody = await answered(
    () => identity('nobody'),
    (calls) => refusal(requireAccount(calls, '012345678901', where)),
  )
  assert.match(nobody.message, 'says the account is "nobody"')
})

account.run()
