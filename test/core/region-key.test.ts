import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDefinition } from '../../pipeline/core/check-definition.ts'
import { keyOfRegion } from '../../pipeline/core/region-key.ts'
import { Definition } from '../../pipeline/model/definition.ts'
import { definition } from '../helpers/release-fixture.ts'

const keys = suite('a key for each region')

const arn = 'arn:aws:kms:eu-west-1:111111111111'
const single = `${arn}:key/01234567-89ab-cdef-0123-456789abcdef`

const withKey = (encrypt: object): Definition =>
  Definition.parse({
    ...definition,
    targets: {
      aws: {
        account: '111111111111',
        build: { region: 'eu-west-1' },
        regions: ['eu-west-1', 'us-east-1', 'us-west-2'],
        encrypt,
      },
    },
  })

const problems = (encrypt: object): readonly string[] =>
  checkDefinition(withKey(encrypt), { image: 'web', teams: null, policies: null })
    .filter(({ path }) => path.includes('encrypt'))
    .map(({ text }) => text)

keys('an alias and a multi-Region key are in every region, by whatever name', () => {
  for (const [key, there] of [
    ['alias/golden', 'alias/golden'],
    [`${arn}:alias/golden`, 'arn:aws:kms:us-east-1:111111111111:alias/golden'],
    [
      `${arn}:key/mrk-0123456789abcdef0123456789abcdef`,
      'arn:aws:kms:us-east-1:111111111111:key/mrk-0123456789abcdef0123456789abcdef',
    ],
    ['mrk-0123456789abcdef0123456789abcdef', 'mrk-0123456789abcdef0123456789abcdef'],
  ] as const) {
    assert.equal(problems({ key }), [])
    const { aws } = withKey({ key }).targets
    assert.is(aws === undefined ? null : keyOfRegion(aws, 'us-east-1'), there)
  }
})

keys(
  'a key of one region alone is refused before anything is built, unless the others have their own',
  () => {
    assert.equal(problems({ key: single }), [
      `is "${single}", which is not of us-east-1, us-west-2: name an alias that every region has, e.g. alias/golden, or give targets.aws.encrypt.regions`,
    ])
    const regions = { 'us-east-1': 'alias/a', 'us-west-2': 'alias/b' }
    assert.equal(problems({ key: single, regions }), [])
  },
)

keys.run()
