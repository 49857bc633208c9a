import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NewImage } from '../../pipeline/core/new-definition.ts'
import { integrityOf, OwnLock, OwnPackage, teamLock, teamPackage } from '../../pipeline/core/team-lock.ts'
import { CiSystem, NewRepo, teamFiles, templatesOf } from '../../pipeline/core/team-repo.ts'
import { textOf } from '../helpers/sources.ts'

const it = suite('team repository')

const tarball = {
  spec: 'https://github.com/corp/mintmark/releases/download/v1.2.3/mintmark-1.2.3.tgz',
  integrity: 'sha512-AAAA',
  package: OwnPackage.parse({ ...(JSON.parse(textOf('package.json')) as object), version: '1.2.3' }),
  lock: OwnLock.parse(JSON.parse(textOf('package-lock.json'))),
}

interface Locked {
  readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}
const lockOf = (of: typeof tarball): Locked => JSON.parse(teamLock(of)) as Locked

it('mintmark comes by its address, and by no name of a registry', () => {
  const { dependencies, ...about } = JSON.parse(teamPackage(tarball)) as { readonly dependencies: unknown }
  assert.equal(dependencies, { mintmark: tarball.spec })
  assert.equal(about, {
    name: 'golden-images',
    version: '0.0.0',
    description: 'Golden images of a team, made by mintmark',
    private: true,
    type: 'module',
    scripts: { test: './mintmark review --schema --render' },
    engines: tarball.package.engines,
  })
})

it('the lock has the tarball by its hash, what mintmark was tested with below it, and nothing that it is built with', () => {
  const { packages } = lockOf(tarball)
  const { 'node_modules/mintmark': own, '': root, ...below } = packages
  assert.is(own?.['resolved'], tarball.spec)
  assert.is(own?.['integrity'], 'sha512-AAAA')
  assert.equal(root?.['dependencies'], { mintmark: tarball.spec })
  const mine = tarball.lock.packages
  assert.equal(
    Object.entries(below).filter(([path, entry]) => JSON.stringify(entry) !== JSON.stringify(mine[path])),
    [],
  )
  for (const name of Object.keys(tarball.package.dependencies)) assert.ok(below[`node_modules/${name}`], name)
  for (const name of ['typescript', 'uvu', 'knip']) assert.not.ok(below[`node_modules/${name}`], name)
  assert.equal(
    Object.entries(below)
      .filter(([, { integrity, resolved }]) => typeof integrity !== 'string' || resolved !== undefined)
      .map(([path]) => path),
    [],
    'each has a hash, and none a registry',
  )
})

it('an integrity is as npm writes it', () => {
  assert.is(
    integrityOf(Buffer.from('abc')),
    'sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==',
  )
})

const image = NewImage.parse({
  name: 'web',
  os: 'debian-13',
  base: 'archive',
  owner: 'team-web',
  packages: [],
  ports: [],
  profile: 'baseline',
  layout: 'simple',
  size: '4G',
})

for (const ci of CiSystem.options) {
  it(`${ci}: every placeholder is filled, and only the launcher can be started`, () => {
    const repo = NewRepo.parse({ ci, securityTeam: '@corp/security' })
    const templates = new Map(templatesOf(ci).map(([from, to]) => [to, textOf(from)]))
    const files = teamFiles({ image, repo, tarball, vendored: null, templates, copies: new Map() })
    for (const { path, content } of files)
      assert.not.match(String(content), /@ORG\b|IMAGE_NAME|OWNER_TEAM/, path)
    assert.equal(
      files.filter(({ mode }) => mode !== 0o644).map(({ path }) => path),
      ['mintmark'],
    )
    assert.equal(
      files.map(({ path }) => path),
      files.map(({ path }) => path).sort(),
    )
  })

  it(`${ci}: the README speaks of its own system and of no other`, () => {
    const repo = NewRepo.parse({ ci, securityTeam: '@corp/security' })
    const templates = new Map([['README.md', textOf('templates/team/README.md')]])
    const files = teamFiles({ image, repo, tarball, vendored: null, templates, copies: new Map() })
    const text = String(files.find(({ path }) => path === 'README.md')?.content)
    assert.equal(
      {
        github: [/^## Settings at GitHub$/m, /policy github/, /sigstore/].every((said) => said.test(text)),
        gitlab: /^## Settings at GitLab$/m.test(text),
        none: /mintmark\.cron/.test(text),
      },
      { github: ci === 'github', gitlab: ci === 'gitlab', none: ci === 'none' },
    )
    assert.is(text.match(/verify --print-key/g)?.length, 1)
    assert.not.match(text, /<!--|\n\n\n|\]\(node_modules/)
  })
}

it('a passage goes or stays as a whole, and any other comment stays', () => {
  const repo = NewRepo.parse({ ci: 'gitlab', securityTeam: '@corp/security' })
  const text = [
    'before',
    '<!-- only with --ci github -->',
    'hub',
    '<!-- end -->',
    '<!-- only with --ci gitlab -->',
    'lab',
    '',
    '<!-- end -->',
    '<!-- ours -->',
    '',
  ].join('\n')
  const templates = new Map([['README.md', text]])
  const files = teamFiles({ image, repo, tarball, vendored: null, templates, copies: new Map() })
  assert.is(String(files.find(({ path }) => path === 'README.md')?.content), 'before\nlab\n\n<!-- ours -->\n')
})

it('a file of a release is kept in the repository; what is copied is not touched', () => {
  const repo = NewRepo.parse({ ci: 'none', securityTeam: '@corp/security' })
  const files = teamFiles({
    image,
    repo,
    tarball: { ...tarball, spec: 'file:vendor/mintmark-1.2.3.tgz' },
    vendored: Buffer.from('bytes'),
    templates: new Map([['README.md', 'IMAGE_NAME of OWNER_TEAM, @ORG/security']]),
    copies: new Map([['a.json', 'IMAGE_NAME']]),
  })
  const content = Object.fromEntries(files.map((file) => [file.path, String(file.content)]))
  assert.is(content['vendor/mintmark-1.2.3.tgz'], 'bytes')
  assert.is(content['README.md'], 'web of team-web, @corp/security')
  assert.is(content['a.json'], 'IMAGE_NAME')
})

it('a team is a handle', () => {
  const accepted = (securityTeam: string): boolean => NewRepo.safeParse({ ci: 'none', securityTeam }).success
  for (const team of ['@corp/security', '@ann', '@corp/platform/security']) assert.ok(accepted(team), team)
  for (const team of ['corp/security', '@', '@a b', '@a\n* @eve', '@corp/', '@-x'])
    assert.not.ok(accepted(team), team)
})

it.run()
