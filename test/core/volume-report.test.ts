import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseVolumeReport, volumeTitle } from '../../pipeline/core/volume-report.ts'

const report = suite('volume report')

const text = `volume 1
partition 3
tag TYPE=xfs
tag LABEL=my\\ boot
state read
volume 2
partition 4
names /dev/mapper/rl-home--dirs /dev/rl/home-dirs
tag TYPE=btrfs
default @
subvolume @
subvolume @home dirs
state read
volume 3
partition 5
state empty
`

report('reads partitions, logical volumes and subvolumes', () => {
  const [boot, home, empty] = parseVolumeReport(text)
  assert.equal(boot?.tags, { TYPE: 'xfs', LABEL: 'my boot' })
  assert.equal(home?.names, ['/dev/mapper/rl-home--dirs', '/dev/rl/home-dirs'])
  assert.equal(home?.subvolumes, ['@', '@home dirs'])
  assert.is(home?.defaultSubvolume, '@')
  assert.is(empty?.state, 'empty')
  assert.equal(
    [boot, home].map((volume) => (volume === undefined ? '' : volumeTitle(volume))),
    ['partition 3', 'logical volume rl/home-dirs'],
  )
})

report('what makes no sense is an error', () => {
  for (const wrong of [
    'state read\n',
    'volume 1\npartition 3\n',
    'volume ../etc\npartition 3\nstate read\n',
    'volume 1\npartition x\nstate read\n',
    'volume 1\npartition 3\nstate gone\n',
    'volume 1\npartition 3\nstate empty\nstate read\n',
  ])
    assert.throws(() => parseVolumeReport(wrong), /reported "/)
  assert.equal(parseVolumeReport(''), [])
})

report.run()
