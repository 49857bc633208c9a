import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  lookScript,
  parseAnswers,
  parseCheckReport,
  parseCloudInit,
  parseListening,
  parseLoginMethods,
  parseOsRelease,
  parseRootSize,
} from '../../pipeline/core/ssh-answers.ts'
import { testWorld } from '../helpers/world.ts'

const answers = suite('ssh answers')

answers('reads the answers by name, with their exit codes', () => {
  const output = '@@ user\ndebian\n\n@@ = 0\n@@ failed-units\n\n@@ = 0\n@@ check\n{\n"a": 1}\n\n@@ = 1\n'
  assert.equal(parseAnswers(output), {
    user: { text: 'debian', code: 0 },
    'failed-units': { text: '', code: 0 },
    check: { text: '{\n"a": 1}', code: 1 },
  })
})

answers('an answer that was cut off is no answer', () => {
  assert.equal(Object.keys(parseAnswers('@@ user\ndebian\n@@ = 0\n@@ check\n{"res')), ['user'])
})

answers(
  'the script is POSIX sh that shellcheck has nothing against, and asks on without what is missing',
  async () => {
    const { world, close } = await testWorld()
    try {
      await world.exec.run(['shellcheck', '--shell=sh', '-'], { input: lookScript })
      // Of all that it asks, this machine (no systemd, no cloud-init) can answer who we are.
      const { stdout } = await world.exec.run(['sh', '-c', lookScript.replaceAll('sudo -n', 'false')])
      const found = parseAnswers(stdout)
      assert.is(found['user']?.code, 0)
      assert.is.not(found['check']?.code, 0)
      assert.is(Object.keys(found).length, lookScript.match(/^ask /gm)?.length)
    } finally {
      await close()
    }
  },
)

answers('reads os-release with and without quotes', () => {
  assert.equal(
    parseOsRelease(
      'ID=debian\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n# no\nIMAGE_ID=\'debian-13\'\nX="a\\"b"\n',
    ),
    {
      ID: 'debian',
      PRETTY_NAME: 'Debian GNU/Linux 13 (trixie)',
      IMAGE_ID: 'debian-13',
      X: 'a"b',
    },
  )
})

const status = (errors: readonly string[]): string =>
  JSON.stringify({ v1: { datasource: 'DataSourceNoCloud', init: { errors, finished: 1 }, stage: null } })

answers('cloud-init is done when its result says so, and errors of any stage count', () => {
  const result = JSON.stringify({ v1: { datasource: 'DataSourceNoCloud', errors: [] } })
  assert.equal(parseCloudInit(result, status([])), { done: true, errors: [] })
  assert.equal(parseCloudInit(result, status(['boom']))?.errors, ['boom'])
  assert.equal(parseCloudInit(JSON.stringify({ v1: { errors: ['late'] } }), '')?.errors, ['late'])
})

answers('mere deprecations are no errors', () => {
  const result = JSON.stringify({ v1: { errors: [] } })
  const recoverable = JSON.stringify({
    v1: { init: { errors: [], recoverable_errors: { DEPRECATED: ['old key'] } } },
  })
  assert.equal(parseCloudInit(result, recoverable)?.errors, [])
})

answers('cloud-init without a result is not done', () => {
  assert.is(parseCloudInit('cat: /run/cloud-init/result.json: No such file or directory', status([])), null)
  assert.is(parseCloudInit('', ''), null)
})

answers('listening ports leave out those of the loopback', () => {
  const text = [
    'LISTEN 0 128 0.0.0.0:22 0.0.0.0:*',
    'LISTEN 0 128 [::]:22 [::]:*',
    'LISTEN 0 128 127.0.0.1:25 0.0.0.0:*',
    'LISTEN 0 128 [::1]:631 [::]:*',
    'LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*',
    'LISTEN 0 128 *:443 *:*',
  ].join('\n')
  assert.equal(parseListening(text), [22, 443])
  assert.equal(parseListening(''), [])
})

answers('reads the size of root from lsblk and dumpe2fs', () => {
  const text = 'sectors 10223616\nstart 135168\ndisk 10485760\nblocks 1277952\nblock 4096'
  assert.equal(parseRootSize(text), {
    partitionBytes: 5234491392,
    fileSystemBytes: 5234491392,
    endBytes: 5303697408,
    diskBytes: 5368709120,
  })
  assert.is(parseRootSize('sectors 10223616'), null)
  assert.is(parseRootSize(text.replace('start 135168', 'start ')), null)
})

answers('reads a check report and nothing else', () => {
  const report = { schema: 1, image: 'debian-13', phase: 'running', results: [] }
  assert.equal(parseCheckReport(JSON.stringify(report)), report)
  assert.is(parseCheckReport('sudo: mintmark-check: command not found'), null)
  assert.is(parseCheckReport('{"schema": 2}'), null)
})

answers('reads the methods that a server offers', () => {
  assert.equal(parseLoginMethods('debian@127.0.0.1: Permission denied (publickey,password).\r\n'), [
    'publickey',
    'password',
  ])
  assert.is(parseLoginMethods('Connection refused'), null)
})

answers.run()
