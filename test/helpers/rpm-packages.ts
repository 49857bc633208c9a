import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Builds a package of each name with one small file in it. @returns their paths */
export function buildRpms(folder: string, names: readonly string[], version = '1.0'): readonly string[] {
  const [first = '', ...others] = names
  const place = (name: string): string => `/usr/share/made/${name}`
  const spec = [
    `Name: ${first}`,
    `Version: ${version}`,
    'Release: 1',
    'Summary: made for a test',
    'License: none',
    'BuildArch: noarch',
    '%description',
    'Made for a test.',
    ...others.flatMap((name) => [`%package -n ${name}`, 'Summary: made', `%description -n ${name}`, 'Made.']),
    '%install',
    'mkdir -p %{buildroot}/usr/share/made',
    ...names.map((name) => `echo ${name} ${version} >%{buildroot}${place(name)}`),
    ...names.flatMap((name) => [name === first ? '%files' : `%files -n ${name}`, place(name)]),
  ]
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'made.spec'), `${spec.join('\n')}\n`)
  const top = join(folder, 'top')
  execFileSync('rpmbuild', ['-bb', '--quiet', '--define', `_topdir ${top}`, join(folder, 'made.spec')], {
    stdio: 'pipe',
  })
  const out = join(top, 'RPMS/noarch')
  return readdirSync(out)
    .sort()
    .map((name) => join(out, name))
}

/** A root's rpm database with these packages, and nothing of their files but what is in them. */
export function installRpms(root: string, packages: readonly string[]): void {
  const database = join(root, 'var/lib/rpm')
  mkdirSync(database, { recursive: true })
  const options = ['--justdb', '--nodeps', '--noscripts', '--replacefiles']
  execFileSync('rpm', ['--dbpath', database, '-i', ...options, ...packages], { stdio: 'pipe' })
}
