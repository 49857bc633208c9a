import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkout, testWorld } from '../../helpers/world.ts'

const host = suite('playbooks on the host')

host('a playbook gets none of the credentials that Packer works with', async () => {
  const { world, folder, close } = await testWorld()
  try {
    const seen = join(folder, 'seen')
    const program = join(folder, 'ansible-playbook')
    await writeFile(program, `#!/bin/sh\nenv >${seen}\n`, { mode: 0o700 })
    const names = ['FOLDER', 'HOST', 'PORT', 'USER', 'STEP', 'KEY', 'VERSION', 'BUNDLE', 'PLAYBOOK']
    const given = {
      ...Object.fromEntries(names.map((name) => [`MINTMARK_${name}`, folder])),
      AWS_ACCESS_KEY_ID: 'secret-1',
      AWS_SECRET_ACCESS_KEY: 'secret-2',
      AWS_SESSION_TOKEN: 'secret-3',
    }
    const env = { ...given, PATH: `${folder}:/usr/bin:/bin` }
    await world.exec.run(['sh', join(checkout, 'test/golden/rich/host/ansible.sh')], { env })
    const text = await readFile(seen, 'utf8')
    assert.match(text, /^ANSIBLE_CONFIG=/m)
    assert.not.match(text, /secret-\d|^AWS_/m)
  } finally {
    await close()
  }
})

host.run()
