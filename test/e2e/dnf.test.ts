import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDefinition } from '../../pipeline/stages/load-definition.ts'
import { renderedBundle } from '../../pipeline/stages/render.ts'
import { targets } from '../../pipeline/targets/registry.ts'
import { withImages } from '../helpers/images-folder.ts'
import { buildRpms } from '../helpers/rpm-packages.ts'
import { checkout, testWorld } from '../helpers/world.ts'

/**
 * What the guest runs for dnf's systems, by the real dnf and rpm, in this machine's own files below an overlay that is thrown
 * away: no image of those systems can be had here. It needs root, and is left out without.
 */
const guest = suite('packages by dnf')

const canMount =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']).status === 0

const work = mkdtempSync(join(tmpdir(), 'mintmark-dnf-'))
guest.after(() => rmSync(work, { recursive: true, force: true }))
const gpg = (...argv: readonly string[]): string =>
  execFileSync('gpg', ['--homedir', join(work, 'gpg'), '--batch', '--quiet', ...argv], {
    encoding: 'utf8',
    stdio: 'pipe',
  })

/** A repository with these packages, signed by a key when one is named. */
function makeRepository(
  name: string,
  packages: readonly string[],
  key: string | null,
  version = '1.0',
): void {
  const folder = join(work, 'www', name)
  mkdirSync(folder, { recursive: true })
  const made = buildRpms(join(work, 'made', `${name}-${version}`), packages, version)
  if (key !== null) {
    const defines = [`_gpg_name ${key}`, '__gpg /usr/bin/gpg', `_gpg_path ${join(work, 'gpg')}`]
    const argv = defines.flatMap((define) => ['--define', define])
    execFileSync('rpmsign', [...argv, '--addsign', ...made], { stdio: 'pipe' })
  }
  for (const path of made) cpSync(path, join(folder, path.slice(path.lastIndexOf('/') + 1)))
  execFileSync('createrepo_c', ['-q', folder])
}

/** In the overlay: the image's own repositories as a publisher writes them, rpm's database where those systems have it. */
const inOverlay = `
set -eu
base=$1 baseos=$2 corp=$3 proxy=http://someone:proxy-secret@192.0.2.1:3128
mount -t tmpfs tmpfs "$base/over"
mkdir "$base/over/upper" "$base/over/work" "$base/over/root"
root=$base/over/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/over/upper,workdir=$base/over/work" "$root"
mount -t proc proc "$root/proc"
for folder in run var/tmp; do mount -t tmpfs tmpfs "$root/$folder"; done
mount --rbind /dev "$root/dev"
mkdir -p "$root/www"
mount --bind "$base/www" "$root/www"
printf '#!/bin/sh\\n' >"$root/usr/bin/cloud-init"
chmod 755 "$root/usr/bin/cloud-init"
mkdir -p "$root/etc/rpm" "$root/etc/yum.repos.d" "$root/etc/pki/rpm-gpg"
echo '%_dbpath /var/lib/rpm' >"$root/etc/rpm/macros"
rm -rf "$root/var/lib/rpm" "$root/etc/yum.repos.d"
mkdir -p "$root/var/lib/rpm" "$root/etc/yum.repos.d" "$root/etc/dnf"
cp "$base/vendor.asc" "$root/etc/pki/rpm-gpg/RPM-GPG-KEY-vendor"
cp "$base/rocky.repo" "$root/etc/yum.repos.d/rocky.repo"
printf '[main]\\ngpgcheck=1\\ninstallonly_limit=3\\nbest=True\\nskip_if_unavailable=True\\n' >"$root/etc/dnf/dnf.conf"
mkdir -p "$root/var/tmp/content"
cp -a "$base/bundle/content/." "$root/var/tmp/content/"
cp -a "$base/bundle" "$root/bundle"
chroot "$root" rpm --import /etc/pki/rpm-gpg/RPM-GPG-KEY-vendor
chroot "$root" sh -c 'rpm -i --force-debian --nodeps --replacefiles /www/base/sudo-1.0*.rpm /www/base/telnet-1.0*.rpm /www/base/kernel-*.rpm' >/dev/null 2>&1
status=0
chroot "$root" env MINTMARK_VERSION=1.2.3 MINTMARK_ARCHIVE_MIRROR= MINTMARK_SECURITY_MIRROR= "MINTMARK_HTTP_PROXY=$proxy" \\
  "MINTMARK_REPO_MIRRORS=baseos=file:///www/$baseos corp=file:///www/$corp" sh /bundle/guest/prepare.sh || status=$?
echo "ended $status"
chroot "$root" rpm -qa --qf 'has %{NAME} %{VERSION}\\n'
sed 's/^/repo: /' "$root/etc/yum.repos.d/"*.repo
grep -h '^IMAGE_' "$root/usr/lib/os-release" || true
[ "$status" -eq 0 ] || exit 0
sed -n '/^packages_list() /,/^}/p' "$root/bundle/guest/check.sh" | sed '/^packages_list |/,$d' >"$root/list.sh"
echo 'packages_drop_kernels; packages_list | sed "s/^/listed: /"' >>"$root/list.sh"
chroot "$root" sh -eu /list.sh
: >"$root/etc/left.rpmnew"
sed -n '/^dnf -q clean/,/^if command/p' "$root/bundle/guest/seal.sh" >"$root/seal.sh"
chroot "$root" sh -eu /seal.sh
grep -rla proxy-secret "$root/etc" "$root/var/lib" | sed 's/^/told: /' || true
find "$root/etc/left.rpmnew" "$root/var/cache/dnf" -type f 2>/dev/null | sed 's/^/left: /'
`

const ask = (baseos: string, corp: string): string => {
  mkdirSync(join(work, 'over'), { recursive: true })
  const argv = ['-m', 'sh', '-c', inOverlay, 'sh', work, baseos, corp]
  const done = spawnSync('unshare', argv, { encoding: 'utf8', timeout: 120_000 })
  return `${done.stdout}${done.stderr}`
}

guest.before(async () => {
  if (!canMount) return
  const { world: plain, folder, close } = await testWorld()
  try {
    mkdirSync(join(work, 'gpg'), { mode: 0o700 })
    for (const name of ['Vendor', 'Corp'])
      gpg('--passphrase', '', '--quick-gen-key', `${name} <x@example>`, 'rsa3072', 'sign', 'never')
    writeFileSync(join(work, 'vendor.asc'), gpg('--armor', '--export', 'Vendor'))
    // The image's own files name no mirror of this build, and one repository that checks nothing.
    writeFileSync(
      join(work, 'rocky.repo'),
      '[baseos]\nname=base\nmirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch\n  https://second.example/\ngpgcheck=0\nenabled=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-vendor\n',
    )
    const world = await withImages(plain, folder, 'rich', 'rich')
    const { root } = world.places
    mkdirSync(join(root, 'images/files'), { recursive: true })
    writeFileSync(join(root, 'images/files/own.asc'), gpg('--armor', '--export', 'Corp'))
    cpSync(join(checkout, 'images/rocky-9.yaml'), join(root, 'images/rocky-9.yaml'))
    const definition = await loadDefinition(world, 'rocky-9')
    const repos = [
      { name: 'corp', url: 'https://rpm.corp.example/el9', components: ['main'], key: 'files/own.asc' },
    ]
    const packages = { add: ['Corp-Agent'], remove: ['unneeded'] }
    const wanted = { ...definition, content: { ...definition.content, repos, packages } }
    const { files } = await renderedBundle(world, 'rocky-9', wanted, targets.qemu)
    for (const [path, text] of files) await plain.files.write(join(work, 'bundle', path), text)
    const [, needed = ''] = /^PACKAGES='(.*)'$/m.exec(String(files.get('guest/prepare.sh'))) ?? []
    const own = needed.split(' ').filter((name) => name !== 'Corp-Agent')
    makeRepository('base', [...own, 'telnet', 'unneeded', 'kernel'], 'Vendor')
    makeRepository('base', ['sudo', 'kernel'], 'Vendor', '2.0')
    makeRepository('corp', ['Corp-Agent'], 'Corp')
    makeRepository('evil', ['Corp-Agent'], null)
    makeRepository('unsigned', ['sudo'], null, '3.0')
  } finally {
    await close()
  }
})

guest('upgrades, adds a repository with its key, installs, removes, lists and cleans', () => {
  if (!canMount) return
  const said = ask('base', 'corp')
  assert.match(said, /^ended 0$/m, said)
  assert.match(said, /^has sudo 2\.0$/m)
  assert.match(said, /^has Corp-Agent 1\.0$/m)
  assert.match(said, /^has nftables 1\.0$/m)
  assert.not.match(said, /^has (?:telnet|unneeded) /m)
  assert.match(said, /^IMAGE_ID=rocky-9\nIMAGE_VERSION=1\.2\.3$/m)
  // The image keeps the publishers' and the definition's addresses, none of this build's.
  assert.match(said, /^repo: baseurl=https:\/\/rpm\.corp\.example\/el9$/m)
  assert.match(said, /^repo: gpgcheck=1$/m)
  assert.not.match(said, /repo: .*file:\/\/\/www/)
  // The older kernel goes after the reboot, not before.
  assert.match(said, /^has kernel 1\.0$/m)
  assert.equal(said.match(/^listed: kernel.*$/gm), ['listed: kernel\t2.0-1\tnoarch'])
  assert.match(said, /^listed: sudo\t2\.0-1\tnoarch$/m)
  assert.equal(said.match(/^(?:left|told): .*$/gm), null)
})

guest('a package that nobody signed is refused, also where the image says that nothing is checked', () => {
  if (!canMount) return
  const said = ask('unsigned', 'corp')
  assert.match(said, /^ended 1$/m, said)
  assert.match(said, /sudo-3\.0-1\.noarch\.rpm is not signed/)
  assert.not.match(said, /^has sudo 3/m)
})

guest("so is one in the definition's own repository", () => {
  if (!canMount) return
  const said = ask('base', 'evil')
  assert.match(said, /^ended 1$/m, said)
  assert.match(said, /Corp-Agent-1\.0-1\.noarch\.rpm is not signed/)
  assert.not.match(said, /^has Corp-Agent/m)
})

guest('the key went into the bundle as rpm takes it', () => {
  if (!canMount) return
  assert.ok(existsSync(join(work, 'bundle/content/keys/0')))
  assert.match(
    readFileSync(join(work, 'bundle/content/keys/0'), 'utf8'),
    /^-----BEGIN PGP PUBLIC KEY BLOCK-----\n/,
  )
})

guest.run()
