import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  findPendingUpgrades,
  parsePackageList,
  type UpgradeSource,
} from '../../pipeline/core/pending-upgrades.ts'

const pending = suite('pending upgrades')

const source = (name: string, packages: Readonly<Record<string, string>>): UpgradeSource => ({
  name,
  security: name.endsWith('-security'),
  index: new Map(Object.entries(packages)),
})
const installed = parsePackageList(
  'bash\t5.2-1\tamd64\nopenssl\t3.0.15-1\tamd64\ntzdata\t2026a-1\tall\nlibx\t1\ti386\n',
)

pending('nothing newer is nothing pending', () => {
  const same = source('trixie', { bash: '5.2-1', openssl: '3.0.15-1', tzdata: '2025z-1', other: '9' })
  assert.equal(findPendingUpgrades(installed, [same]), [])
  assert.equal(findPendingUpgrades(installed, []), [])
})

pending('the newest candidate, security first, and only what this machine runs', () => {
  const found = findPendingUpgrades(installed, [
    source('trixie', { bash: '5.2-2', openssl: '3.0.16-1', libx: '2' }),
    source('trixie-updates', { tzdata: '2026b-1' }),
    source('trixie-security', { openssl: '3.0.16-1' }),
  ])
  assert.equal(
    found.map((item) => [item.package, item.installed, item.candidate, item.from, item.security]),
    [
      ['openssl', '3.0.15-1', '3.0.16-1', 'trixie-security', true],
      ['bash', '5.2-1', '5.2-2', 'trixie', false],
      ['tzdata', '2026a-1', '2026b-1', 'trixie-updates', false],
    ],
  )
})

pending('a candidate that is above the security update is not called one', () => {
  const found = findPendingUpgrades(installed, [
    source('trixie-security', { openssl: '3.0.16-1' }),
    source('repository corp', { openssl: '3.0.17-1' }),
  ])
  assert.equal(
    found.map((item) => [item.candidate, item.from]),
    [['3.0.17-1', 'repository corp']],
  )
})

pending.run()
