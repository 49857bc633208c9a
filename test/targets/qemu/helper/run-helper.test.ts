import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { helperArgv } from '../../../../pipeline/targets/qemu/helper/run-helper.ts'

const helper = suite('helper machine')

const argv = helperArgv({
  helper: { kernel: '/k', initrd: '/i' },
  accelerator: 'tcg',
  job: '/a,b/job.sh',
  words: '3 4',
  disk: '/a,b/overlay.qcow2',
  out: '/a,b/answer.raw',
  console: '/a,b/console.log',
})

helper('has no network, and QEMU may start nothing', () => {
  assert.is(argv[argv.indexOf('-nic') + 1], 'none')
  assert.not.ok(argv.some((word) => /netdev|virtio-net|hostfwd/.test(word)))
  assert.match(argv[argv.indexOf('-sandbox') + 1] ?? '', /^on,.*spawn=deny/)
})

helper('a comma in a path is no new option', () => {
  assert.ok(argv.includes('if=none,id=disk,file=/a,,b/overlay.qcow2,format=qcow2,cache=unsafe'))
  assert.ok(argv.includes('name=opt/mintmark/job,file=/a,,b/job.sh'))
  assert.ok(argv.includes('file:/a,b/console.log'))
})

helper.run()
