import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  briefLoginScript,
  fillScript,
  loginScript,
  sedOf,
  upgradeScript,
  withoutMirrors,
} from '../../pipeline/core/scenario-scripts.ts'
import { lookScript } from '../../pipeline/core/ssh-answers.ts'
import { testWorld } from '../helpers/world.ts'

const scripts = suite('scenario scripts')

const sources = {
  addresses: [
    ['http://deb.debian.org/debian', 'http://10.0.2.2:9/a&b#c/debian/'],
    ['http://deb.debian.org/debian-security', 'http://mirror.example/sec'],
    ['https://apt.corp.example/x.y[1]', 'https://apt.corp.example/x.y[1]'],
  ],
  proxy: 'http://proxy.example:3128',
} as const

scripts('are what shellcheck accepts', async () => {
  const { world, close } = await testWorld()
  try {
    const all = [lookScript, loginScript, briefLoginScript, fillScript('audit'), fillScript('system')]
    for (const input of [...all, upgradeScript(sources), upgradeScript({ ...sources, manager: 'dnf' })]) {
      const checked = await world.exec.run(['shellcheck', '-s', 'sh', '-S', 'warning', '-'], {
        input,
        ok: 'any',
      })
      assert.is(checked.code, 0, checked.stdout)
    }
  } finally {
    await close()
  }
})

scripts('addresses are put in the place of others, whole and whatever is in them', async () => {
  const { world, close } = await testWorld()
  try {
    const input = [
      'deb [signed-by=/x] http://deb.debian.org/debian trixie main',
      'deb http://deb.debian.org/debian/ trixie main',
      'URIs: http://deb.debian.org/debian-security',
      'deb http://deb.debian.org/debian-ports sid main',
      'deb http://debxdebian.org/debian sid main',
    ].join('\n')
    const { stdout } = await world.exec.run(['sed', '-e', sedOf(sources.addresses)], { input })
    assert.equal(stdout.trim().split('\n'), [
      'deb [signed-by=/x] http://10.0.2.2:9/a&b#c/debian/ trixie main',
      'deb http://10.0.2.2:9/a&b#c/debian/ trixie main',
      'URIs: http://mirror.example/sec/',
      'deb http://deb.debian.org/debian-ports sid main',
      'deb http://debxdebian.org/debian sid main',
    ])
  } finally {
    await close()
  }
})

scripts('no address or host of a mirror is left in what apt says; the names of the image may stay', () => {
  const text = [
    'Err:1 http://mirror.example/sec trixie InRelease',
    '  Could not connect to mirror.example:80 (192.0.2.9)',
    'E: Failed to fetch http://10.0.2.2:9/a&b#c/debian/dists/x  via proxy.example:3128',
    'Get:2 https://apt.corp.example/x.y[1] stable [IP: 192.0.2.9 443]',
  ].join('\n')
  assert.equal(withoutMirrors(text, sources).split('\n'), [
    'Err:1 the mirror trixie InRelease',
    '  Could not connect to the mirror:80',
    'E: Failed to fetch the mirror/dists/x  via the mirror',
    'Get:2 https://apt.corp.example/x.y[1] stable',
  ])
})

scripts.run()
