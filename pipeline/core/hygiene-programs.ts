import { type Entry, type Left, leftWhere, type Rule, type SealedDisk } from './hygiene-disk.ts'
import type { PackageFiles } from './package-files.ts'

/** Set-uid and set-gid programs of the packages that Debian and Ubuntu systems come with: path -> the bits that they have. */
const known: Readonly<Record<string, number>> = {
  'usr/bin/at': 0o6000,
  'usr/bin/chage': 0o2000,
  'usr/bin/chfn': 0o4000,
  'usr/bin/chsh': 0o4000,
  'usr/bin/crontab': 0o2000,
  'usr/bin/dotlockfile': 0o2000,
  'usr/bin/expiry': 0o2000,
  'usr/bin/fusermount': 0o4000,
  'usr/bin/fusermount3': 0o4000,
  'usr/bin/gpasswd': 0o4000,
  'usr/bin/mlocate': 0o2000,
  'usr/bin/mount': 0o4000,
  'usr/bin/newgrp': 0o4000,
  'usr/bin/newgidmap': 0o4000,
  'usr/bin/newuidmap': 0o4000,
  'usr/bin/passwd': 0o4000,
  'usr/bin/ping': 0o4000,
  'usr/bin/pkexec': 0o4000,
  'usr/bin/plocate': 0o2000,
  'usr/bin/procmail': 0o6000,
  'usr/bin/ssh-agent': 0o2000,
  'usr/bin/su': 0o4000,
  'usr/bin/sudo': 0o4000,
  'usr/bin/umount': 0o4000,
  'usr/bin/wall': 0o2000,
  'usr/bin/write': 0o2000,
  'usr/bin/write.ul': 0o2000,
  'usr/lib/dbus-1.0/dbus-daemon-launch-helper': 0o4000,
  'usr/lib/openssh/ssh-keysign': 0o4000,
  'usr/lib/polkit-1/polkit-agent-helper-1': 0o4000,
  'usr/sbin/exim4': 0o4000,
  'usr/sbin/mount.nfs': 0o4000,
  'usr/sbin/pam_extrausers_chkpwd': 0o2000,
  'usr/sbin/unix_chkpwd': 0o2000,
}

/** Programs by which a user runs, reads or writes anything: with set-uid they hand out their owner's rights. */
const handsOut =
  /\/(?:(?:python|perl|ruby|lua|php|node|tclsh|vim|emacs|nmap|ncat|nc|rvim|gdb)[0-9.]*(?:\.[a-z]+)?|ba?sh|dash|zsh|ksh|tcsh|csh|fish|busybox|env|find|[gm]?awk|nano|ed|sed|cat|cp|mv|dd|ln|tar|rsync|scp|tee|less|more|head|tail|chmod|chown|install|socat|openssl|curl|wget|git|make|xargs|strace|tcpdump|docker|nice|timeout|systemctl|dpkg|apt|apt-get)$/

const bits = (mode: number): string =>
  [...((mode & 0o4000) === 0 ? [] : ['set-uid']), ...((mode & 0o2000) === 0 ? [] : ['set-gid'])].join(' and ')

const isSetId = ({ kind, mode }: Entry): boolean => kind === 'file' && (mode & 0o6000) !== 0

/** What is wrong with a set-uid or set-gid program, or null. */
function wrongSetId(
  { path, mode }: Entry,
  packages: PackageFiles,
  digests: SealedDisk['digests'],
): string | null {
  const special = bits(mode)
  const owner = packages.owners.get(path)
  if (owner === undefined) return `${special}, of no package`
  const digest = packages.digests.get(path)
  if (digest !== undefined && digest !== digests.get(path)) return `${special}, not the program of ${owner}`
  if ((mode & 0o022) !== 0) return `${special}, and others than its owner can write it`
  const set = packages.modes.get(path) ?? known[path]
  if (set !== undefined)
    return (mode & 0o6000 & ~set) === 0
      ? null
      : `${special}, not as ${owner} has it (${bits(set) || 'neither'})`
  if (packages.basic.has(owner)) return `${special}, which ${owner} does not give it`
  return handsOut.test(`/${path}`) ? `${special}: it would run anything as its owner` : null
}

const noBooks = 'no package manager that could be read'

function setIdPrograms(disk: SealedDisk): readonly Left[] | string {
  const { packages, digests } = disk
  if (packages === null) return noBooks
  return disk.entries.filter(isSetId).flatMap((entry) => {
    const what = wrongSetId(entry, packages, digests)
    return what === null ? [] : [{ path: entry.path, what }]
  })
}

/** Where programs and what they load are. */
const program = /^(?:usr\/(?:bin|sbin|lib|lib32|lib64|libx32|libexec|games)|bin|sbin|lib|lib64|boot)\//

/** Changed by the build on purpose. */
const stamped = 'usr/lib/os-release'

function changed(disk: SealedDisk, isWanted: (path: string) => boolean): readonly Left[] {
  const { packages, digests } = disk
  if (packages === null) return []
  return leftWhere(
    disk,
    ({ kind, path }) =>
      kind !== 'folder' &&
      packages.digests.has(path) &&
      path !== stamped &&
      isWanted(path) &&
      (kind !== 'file' || packages.digests.get(path) !== digests.get(path)),
    ({ path, kind }) =>
      kind !== 'file'
        ? 'something else stands in its place'
        : digests.has(path)
          ? `not as ${packages.owners.get(path) ?? 'its package'} has it`
          : 'it could not be read',
  )
}

const packagesWhole: Rule = {
  id: 'packages-whole',
  title: 'every package is installed whole, or gone with its configuration',
  expected: 'all packages installed, no trigger pending',
  found: ({ packages, entries, texts }) => {
    if (packages === null) return noBooks
    return [
      ...packages.unfinished.map((what) => ({ path: packages.books, what })),
      ...entries
        .filter(({ kind, path }) => kind === 'file' && /^var\/lib\/dpkg\/updates\/./.test(path))
        .map(({ path }) => ({ path, what: 'an interrupted run of dpkg' })),
      ...((texts['var/lib/dpkg/triggers/Unincorp'] ?? '').trim() === ''
        ? []
        : [{ path: 'var/lib/dpkg/triggers/Unincorp', what: 'triggers that did not run' }]),
    ]
  },
}

/** Facts about programs and packages, held against the package manager's own books. */
export const programRules: readonly Rule[] = [
  packagesWhole,
  {
    id: 'set-id-programs',
    title: 'only programs of packages have set-uid or set-gid, as their packages give it',
    expected: 'each of a package, unchanged, with no more rights than the package gives',
    found: setIdPrograms,
    note: (disk) => ({
      what: 'also set-uid or set-gid, by packages beyond the base',
      left: leftWhere(
        disk,
        (entry) =>
          isSetId(entry) &&
          disk.packages !== null &&
          (disk.packages.modes.get(entry.path) ?? known[entry.path]) === undefined &&
          wrongSetId(entry, disk.packages, disk.digests) === null,
      ),
    }),
  },
  {
    id: 'programs-as-packaged',
    title: 'programs and libraries are the bytes of their packages',
    expected: 'each has the checksum that its package names',
    found: (disk) => {
      if (disk.packages === null) return noBooks
      if (disk.packages.digests.size === 0) return 'the package manager has no checksums'
      return changed(disk, (path) => program.test(path))
    },
    note: (disk) => ({
      what: 'changed since, but no program',
      left: changed(disk, (path) => !program.test(path)),
    }),
  },
]
