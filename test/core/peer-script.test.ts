import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { peerScript } from '../../pipeline/core/peer-script.ts'
import { parseAnswers } from '../../pipeline/core/ssh-answers.ts'
import { testWorld } from '../helpers/world.ts'

const script = suite('peer script')

const addresses = { ours: '192.0.2.1', instance: '192.0.2.2' }

script('is clean POSIX sh', async () => {
  const { world, folder, close } = await testWorld()
  try {
    const path = join(folder, 'peer.sh')
    await world.files.write(path, `#!/bin/sh\n${peerScript(addresses)}`)
    const { stdout } = await world.exec.run(['shellcheck', '--shell=sh', path], { ok: 'any' })
    assert.is(stdout, '')
  } finally {
    await close()
  }
})

// Stands for a guest whose programs are all missing but those of any Unix: every question still gets its answer.
script('answers all it is asked, in order, whatever the guest lacks', async () => {
  const { world, folder, close } = await testWorld()
  try {
    const none = ['systemctl', 'resolvectl', 'chronyc', 'timedatectl', 'mount', 'umount', 'ip', 'mkdir', 'rm']
    const fakes = none.map((name) => `${name}() { echo "${name}: not found" >&2; return 127; }\n`).join('')
    // Nothing is waited for where nothing can come.
    const hasty = peerScript(addresses).replaceAll(' + 60))', '))')
    const path = join(folder, 'peer.sh')
    await world.files.write(
      path,
      `${fakes}${hasty.replaceAll('/run/', `${folder}/`).replaceAll('/etc/', `${folder}/`)}`,
    )
    const { stdout } = await world.exec.run(['sh', path], { ok: 'any', timeoutMs: 60_000 })
    const answers = parseAnswers(stdout)
    assert.equal(Object.keys(answers), [
      'dns-set',
      'dns-found',
      'dns-absent',
      'dns-back',
      'time-client',
      'time-set',
      'time-synchronized',
      'time-moved',
      'time-back',
    ])
    assert.is(answers['dns-set']?.code, 127)
    assert.is.not(answers['dns-found']?.code, 0)
    assert.is(answers['time-client']?.code, 1)
    assert.match(answers['time-moved']?.text ?? '', /^-?[01]$/)
  } finally {
    await close()
  }
})

script.run()
