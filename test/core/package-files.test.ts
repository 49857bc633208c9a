import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isPackageText, readPackages, wantedDigests } from '../../pipeline/core/package-files.ts'
import { digest, file, link } from '../helpers/sealed-disk.ts'

const packages = suite("the package manager's own books")

const status = (more = ''): string =>
  `Package: dash\nStatus: install ok installed\nPriority: required\n${more}`

packages('reads a package of another architecture, with a divided path', () => {
  const entries = [link('lib', 'usr/lib'), file('usr/lib/x86_64-linux-gnu/libc.so.6')]
  const books = readPackages(entries, {
    'var/lib/dpkg/status': status(),
    'var/lib/dpkg/info/libc6:amd64.list': '/.\n/lib\n/lib/x86_64-linux-gnu/libc.so.6\n',
    'var/lib/dpkg/info/libc6:amd64.md5sums': `${digest('a')}  lib/x86_64-linux-gnu/libc.so.6\nno line of md5sums\n`,
  })
  assert.is(books?.owners.get('usr/lib/x86_64-linux-gnu/libc.so.6'), 'libc6')
  assert.is(books?.digests.get('usr/lib/x86_64-linux-gnu/libc.so.6'), digest('a'))
  assert.is(books?.digests.size, 1)
  assert.ok(books?.basic.has('dash'))
})

packages('a system without merged folders keeps its paths', () => {
  const books = readPackages([file('bin/su')], {
    'var/lib/dpkg/status': status(),
    'var/lib/dpkg/info/util-linux.list': '/bin/su\n',
  })
  assert.is(books?.owners.get('bin/su'), 'util-linux')
})

packages("a diversion moves the file of every package but the diverting one's", () => {
  const books = readPackages([], {
    'var/lib/dpkg/status': status(),
    'var/lib/dpkg/diversions': '/usr/bin/sh\n/usr/bin/sh.distrib\ndash\n/usr/bin/x\n/usr/bin/x.real\n:\n',
    'var/lib/dpkg/info/bash.md5sums': `${digest('a')}  usr/bin/sh\n`,
    'var/lib/dpkg/info/dash.md5sums': `${digest('b')}  usr/bin/sh\n${digest('c')}  usr/bin/x\n`,
  })
  assert.equal(
    [...(books?.digests ?? [])],
    [
      ['usr/bin/sh.distrib', digest('a')],
      ['usr/bin/sh', digest('b')],
      ['usr/bin/x.real', digest('c')],
    ],
  )
})

packages('configuration files have no digest to be held against', () => {
  const conffiles = `Conffiles:\n /etc/a b.conf ${digest('1')}\n /etc/old ${digest('2')} obsolete\n /etc/new newconffile\nDescription: x\n /etc/none ${digest('3')}\n`
  const books = readPackages([], {
    'var/lib/dpkg/status': status(conffiles),
    'var/lib/dpkg/info/dash.md5sums': ['a b.conf', 'old', 'new', 'none']
      .map((name) => `${digest('a')}  etc/${name}\n`)
      .join(''),
  })
  assert.equal([...(books?.digests.keys() ?? [])], ['etc/none'])
})

packages('states: on hold is installed, gone is gone, all else is unfinished', () => {
  const states = [
    'hold ok installed',
    'deinstall ok not-installed',
    'deinstall ok config-files',
    'install ok half-configured',
    'install ok triggers-pending',
    'install reinstreq installed',
  ]
  const text = states.map((state, at) => `Package: p${at}\nStatus: ${state}\n`).join('\n')
  assert.equal(readPackages([], { 'var/lib/dpkg/status': text })?.unfinished, [
    'p2: deinstall ok config-files',
    'p3: install ok half-configured',
    'p4: install ok triggers-pending',
    'p5: install reinstreq installed',
  ])
})

packages('modes by statoverride', () => {
  const books = readPackages([link('bin', 'usr/bin')], {
    'var/lib/dpkg/status': status(),
    'var/lib/dpkg/statoverride':
      'root messagebus 4754 /usr/lib/dbus-1.0/helper\nroot #42 755 /bin/su\nrubbish\n',
  })
  assert.equal(
    [...(books?.modes ?? [])],
    [
      ['usr/lib/dbus-1.0/helper', 0o4754],
      ['usr/bin/su', 0o755],
    ],
  )
})

packages('an image without dpkg has no books that can be read', () => {
  assert.is(readPackages([], {}), null)
  assert.is(readPackages([], { 'var/lib/dpkg/status': '' }), null)
})

packages('asks for the digests of regular files by their own path', () => {
  const entries = [file('usr/bin/a'), link('usr/bin/b'), file('usr/bin/c')]
  const books = readPackages(entries, {
    'var/lib/dpkg/status': status(),
    'var/lib/dpkg/info/dash.md5sums': `${digest('a')}  usr/bin/a\n${digest('b')}  usr/bin/b\n`,
  })
  assert.ok(books)
  assert.equal(books === null ? [] : wantedDigests(entries, books), ['usr/bin/a'])
})

packages('reads lists and checksums, no scripts', () => {
  assert.ok(isPackageText('var/lib/dpkg/info/libc6:amd64.md5sums'))
  assert.not(isPackageText('var/lib/dpkg/info/libc6:amd64.postinst'))
  assert.not(isPackageText('var/lib/dpkg/info/x/y.list'))
})

packages.run()
