import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkout } from '../helpers/world.ts'

// The guest's own function, with a kernel and packages that are made up; dnf's is tried in e2e/dnf.test.ts.
const kernels = suite('older kernels of apt systems')
const script = readFileSync(join(checkout, 'templates/packages/apt/check.sh.hbs'), 'utf8')

/** What would be purged, in apt's order. */
function purged(running: string, installed: readonly string[], named = ''): readonly string[] {
  const bin = mkdtempSync(join(tmpdir(), 'mintmark-kernels-'))
  const fake = (name: string, body: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  try {
    fake('uname', `echo '${running}'`)
    fake(
      'dpkg-query',
      `cat <<'END'\n${installed.map((name) => `installed\t${name}`).join('\n')}\nconfig-files\tlinux-image-1.0.0-1-amd64\nEND`,
    )
    fake('apt-get', 'printf "%s\\n" "$DEBIAN_FRONTEND" "$@"')
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, PACKAGES: named }
    const { stdout, status, stderr } = spawnSync('sh', ['-eu', '-c', `${script}\npackages_drop_kernels`], {
      env,
      encoding: 'utf8',
    })
    assert.is(status, 0, stderr)
    const words = stdout.split('\n').filter((word) => word !== '')
    if (words.length > 0) assert.is(words[0], 'noninteractive')
    return words.slice(words.indexOf('purge') + 1)
  } finally {
    rmSync(bin, { recursive: true, force: true })
  }
}

kernels('of Debian: what belongs to an older version goes, what is for all versions stays', () => {
  const old = [
    'linux-headers-6.1.0-9-amd64',
    'linux-headers-6.1.0-9-common',
    'linux-image-6.1.0-9-cloud-amd64',
  ]
  const stays = [
    'linux-base',
    'linux-image-6.1.0-13-cloud-amd64',
    'linux-image-cloud-amd64',
    'linux-libc-dev',
  ]
  assert.equal(purged('6.1.0-13-cloud-amd64', [...old, ...stays]), old)
  assert.equal(purged('6.1.0-13-cloud-amd64', stays), [])
  assert.equal(
    purged('6.12.48+deb13-cloud-amd64', [
      'linux-image-6.12.41+deb13-cloud-amd64',
      'linux-image-6.12.48+deb13-cloud-amd64',
    ]),
    ['linux-image-6.12.41+deb13-cloud-amd64'],
  )
})

kernels('of Ubuntu: image, modules and tools of the older version', () => {
  const of = (version: string): readonly string[] =>
    ['aws-headers', 'headers', 'image', 'modules', 'tools'].map((part) => `linux-${part}-${version}-aws`)
  assert.equal(purged('6.8.0-1021-aws', [...of('6.8.0-1009'), ...of('6.8.0-1021')]), of('6.8.0-1009'))
})

kernels(
  'one that the definition names stays, and so do all where the version that runs can not be told',
  () => {
    const old = 'linux-image-6.1.0-9-cloud-amd64'
    assert.equal(purged('6.1.0-13-cloud-amd64', [old], `chrony ${old}`), [])
    assert.equal(purged('6.12.9+bpo-cloud-amd64', [old]), [])
  },
)

kernels.run()
