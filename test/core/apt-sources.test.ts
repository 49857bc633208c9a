import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { mirrorAmong, mirrorSetting, urisOfList, urisOfSources } from '../../pipeline/core/apt-sources.ts'
import { MintmarkError } from '../../pipeline/errors.ts'

const lists = suite('sources.list')

lists('takes the URI of deb lines, with and without options', () => {
  const text = [
    '# deb http://commented.example/debian trixie main',
    'deb http://one.example/debian trixie main # a comment',
    'deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://two.example/debian/ trixie main contrib',
    'deb-src http://source.example/debian trixie main',
    '  deb\thttp://three.example/debian-security\ttrixie-security main',
    'debris http://four.example/debian trixie main',
    'deb http://flat.example/',
    '',
  ].join('\n')
  assert.equal(urisOfList(text), [
    'http://one.example/debian',
    'https://two.example/debian/',
    'http://three.example/debian-security',
  ])
})

lists('never throws', () => {
  fc.assert(
    fc.property(fc.string(), (text) => Array.isArray(urisOfList(text)) && Array.isArray(urisOfSources(text))),
  )
})

lists.run()

const stanzas = suite('deb822 sources')

stanzas('takes all URIs of enabled deb stanzas', () => {
  const text = `# made by the installer
Types: deb deb-src
# http://snapshot.example/debian
URIs: http://one.example/debian
 https://two.example/debian
Suites: trixie trixie-updates
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: trixie

types: deb
uris: http://three.example/debian-security/
Suites: trixie-security
Enabled: yes
\t
Types: deb
URIs: http://off.example/debian
Suites: trixie
Enabled: no
`
  assert.equal(urisOfSources(text), [
    'http://one.example/debian',
    'https://two.example/debian',
    'http://three.example/debian-security/',
  ])
})

stanzas.run()

const mirrors = suite('choosing a mirror')

mirrors('goes by the end of the path, the first wins, without a slash at the end', () => {
  assert.equal(
    mirrorAmong([
      'cdrom:[Debian]/debian',
      'https://packages.example/apt',
      'http://download.example/debian-extra',
      'http://one.example/mirror/debian//',
      'http://two.example/debian',
      'https://sec.example/debian-security/',
    ]),
    { archive: 'http://one.example/mirror/debian', security: 'https://sec.example/debian-security' },
  )
  assert.equal(mirrorAmong(['file:/srv/debian', 'mirror+http://x.example/debian']), {
    archive: null,
    security: null,
  })
})

mirrors('passes over a mirror that needs a password: it would be seen in the list of processes', () => {
  assert.equal(
    mirrorAmong(['https://me:secret@one.example/debian', 'http://two.example/debian']).archive,
    'http://two.example/debian',
  )
})

mirrors('a setting that is no plain URL is refused, and a password in it is not repeated', () => {
  assert.is(
    mirrorSetting('MINTMARK_DEBIAN_MIRROR', 'http://one.example/debian/'),
    'http://one.example/debian',
  )
  for (const value of [
    'one.example/debian',
    'ftp://one.example/debian',
    'http://one.example/debian?x=1',
    'https://me:s3cret@one.example/debian',
  ]) {
    try {
      mirrorSetting('MINTMARK_DEBIAN_MIRROR', value)
      assert.unreachable(value)
    } catch (error) {
      assert.instance(error, MintmarkError)
      assert.is((error as MintmarkError).code, 'CONFIG_INVALID')
      assert.match((error as MintmarkError).hint, 'export MINTMARK_DEBIAN_MIRROR=')
      assert.not.match((error as MintmarkError).message, 's3cret')
    }
  }
})

mirrors.run()
