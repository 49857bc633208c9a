import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { settingsEnv } from '../../pipeline/core/settings-env.ts'
import type { MintmarkError } from '../../pipeline/errors.ts'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { loadSettings } from '../../pipeline/stages/load-settings.ts'
import { textOf } from '../helpers/sources.ts'
import { type TestWorld, testWorld } from '../helpers/world.ts'

const loading = suite<{ test: TestWorld }>('load-settings')

loading.before.each(async (context) => {
  context.test = await testWorld()
})
loading.after.each((context) => context.test.close())

const full = `schema: 1
teams: [team-a]
mirrors: {debian: "https://one.example/debian", debianSecurity: "https://one.example/sec", images: /srv/images}
scan: {database: ./db, knownExploited: lists/kev.json}
catalog: catalog
`

loading('without the file, and with the one of the checkout, nothing is set', async ({ test }) => {
  assert.equal(await loadSettings(test.world, test.folder), { schema: 1, mirrors: {}, scan: {} })
  assert.equal(await loadSettings(test.world, test.world.places.root), { schema: 1, mirrors: {}, scan: {} })
})

loading('what the file of the checkout shows in comments is valid', async ({ test }) => {
  const lines = textOf('mintmark.yaml').split('\n')
  const shown = lines.map((line) =>
    line.replace(/^# (?=(?:teams|mirrors|scan|catalog|watch|signing):| {2})/, ''),
  )
  await writeFile(join(test.folder, 'mintmark.yaml'), shown.join('\n'))
  const settings = await loadSettings(test.world, test.folder)
  assert.equal(Object.keys(settings).sort(), [
    'catalog',
    'mirrors',
    'scan',
    'schema',
    'signing',
    'teams',
    'watch',
  ])
  assert.equal(Object.keys(settings.mirrors).sort(), ['debian', 'debianSecurity', 'images'])
})

loading('it fills the variables that are not set; paths begin at the checkout', async ({ test }) => {
  await writeFile(join(test.folder, 'mintmark.yaml'), full)
  const settings = await loadSettings(test.world, test.folder)
  const given = {
    HOME: '/home/x',
    MINTMARK_DEBIAN_MIRROR: 'http://mine.example/debian',
    MINTMARK_CATALOG: '',
  }
  assert.equal(settingsEnv(settings, given, '/checkout'), {
    HOME: '/home/x',
    MINTMARK_DEBIAN_MIRROR: 'http://mine.example/debian',
    MINTMARK_DEBIAN_SECURITY_MIRROR: 'https://one.example/sec',
    MINTMARK_IMAGE_MIRROR: '/srv/images',
    MINTMARK_TRIVY_DB: '/checkout/db',
    MINTMARK_KNOWN_EXPLOITED: '/checkout/lists/kev.json',
    MINTMARK_CATALOG: '/checkout/catalog',
    MINTMARK_LANGUAGE: undefined,
    MINTMARK_WATCH_CHANNEL_AGE: undefined,
    MINTMARK_SECOND_SCANNER: undefined,
    MINTMARK_GRYPE_DB: undefined,
    MINTMARK_SIGNER: undefined,
    MINTMARK_SIGSTORE_PUBLIC_LOG: undefined,
    MINTMARK_SIGSTORE_FULCIO: undefined,
    MINTMARK_SIGSTORE_REKOR: undefined,
    MINTMARK_SIGSTORE_TSA: undefined,
  })
})

loading(
  'who signs becomes variables; the public log has to be accepted in so many words',
  async ({ test }) => {
    const signing = '{signer: sigstore, sigstore: {publicLog: true, fulcio: "https://fulcio.example"}}'
    await writeFile(join(test.folder, 'mintmark.yaml'), `schema: 1\nsigning: ${signing}\n`)
    const settings = await loadSettings(test.world, test.folder)
    const env = settingsEnv(settings, { MINTMARK_SIGNER: 'file' }, '/checkout')
    assert.is(env['MINTMARK_SIGNER'], 'file', 'a variable wins')
    assert.is(env['MINTMARK_SIGSTORE_PUBLIC_LOG'], 'true')
    assert.is(env['MINTMARK_SIGSTORE_FULCIO'], 'https://fulcio.example')
    const refused = { ...settings, signing: { sigstore: { publicLog: false } } }
    assert.is(settingsEnv(refused, {}, '/checkout')['MINTMARK_SIGSTORE_PUBLIC_LOG'], undefined)
  },
)

loading('how old a channel may be', async ({ test }) => {
  await writeFile(join(test.folder, 'mintmark.yaml'), 'schema: 1\nwatch: {channelAge: 30d}\n')
  const settings = await loadSettings(test.world, test.folder)
  assert.is(settingsEnv(settings, {}, '/checkout')['MINTMARK_WATCH_CHANNEL_AGE'], '30d')
  assert.is(
    settingsEnv(settings, { MINTMARK_WATCH_CHANNEL_AGE: '9d' }, '/checkout')['MINTMARK_WATCH_CHANNEL_AGE'],
    '9d',
  )
})

loading('a bucket is no path of the checkout', async ({ test }) => {
  await writeFile(join(test.folder, 'mintmark.yaml'), 'schema: 1\ncatalog: s3://images/team-a\n')
  const settings = await loadSettings(test.world, test.folder)
  assert.is(settingsEnv(settings, {}, '/checkout')['MINTMARK_CATALOG'], 's3://images/team-a')
})

loading('a mistake is told with its place', async ({ test }) => {
  const path = join(test.folder, 'mintmark.yaml')
  const cases: readonly (readonly [text: string, line: string])[] = [
    [
      'schema: 1\nwatch: {channelAge: 6 weeks}\n',
      'mintmark.yaml:2:21 watch.channelAge is "6 weeks": a number of days, e.g. 45d',
    ],
    ['schema: 1\nteam: [team-a]\n', 'mintmark.yaml:2:1 team is not a field; did you mean "teams"?'],
    [
      'schema: 1\nmirrors: {debian: "https://me:s3cret@one.example/debian"}\n',
      'mintmark.yaml:2:19 mirrors.debian is "https://…@one.example/debian": an address without credentials, query and spaces',
    ],
    [
      'schema: 1\ncatalog: ~/catalog\n',
      'mintmark.yaml:2:10 catalog is "~/catalog": a path in full, without "~"',
    ],
    [
      'schema: 1\nscan: {knownExploited: "http://lists.example/kev.json"}\n',
      'mintmark.yaml:2:24 scan.knownExploited is "http://lists.example/kev.json": a file, or an https address without credentials and query',
    ],
    [
      'schema: 1\ncatalog: s3://Bucket\n',
      'mintmark.yaml:2:10 catalog is "s3://Bucket": a folder, or s3://bucket/prefix',
    ],
    ['schema: 1\nteams: []\n', 'mintmark.yaml:2:8 teams is []: expected at least 1 entry'],
    ['', 'mintmark.yaml:1:1 the file is empty: expected lines of NAME: value'],
  ]
  for (const [text, line] of cases) {
    await writeFile(path, text)
    try {
      await loadSettings(test.world, test.folder)
      assert.unreachable(text)
    } catch (cause) {
      assert.equal((cause as MintmarkError).lines, [line])
    }
  }
})

loading(
  "an owner that is none of the team's names is refused when a definition is loaded",
  async ({ test }) => {
    const { world, folder } = test
    const own = { ...world, places: { ...world.places, root: folder } }
    await world.files.write(join(folder, 'images/debian-13.yaml'), textOf('images/debian-13.yaml'))
    assert.is((await loadDefinition(own, 'debian-13')).owner, 'team-platform')
    await writeFile(join(folder, 'mintmark.yaml'), 'schema: 1\nteams: [team-platfrom]\n')
    try {
      await loadDefinition(own, 'debian-13')
      assert.unreachable()
    } catch (cause) {
      assert.match(
        (cause as MintmarkError).lines[0] ?? '',
        /owner is "team-platform", .*did you mean "team-platfrom"/,
      )
    }
  },
)

loading.run()
