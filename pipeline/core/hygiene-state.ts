import { type Left, leftWhere, noFiles, type Rule, type SealedDisk, saying } from './hygiene-disk.ts'
import { parseFstab } from './parse-fstab.ts'

/** Anything but a folder below one of these. */
const inside = (...folders: readonly string[]): RegExp => new RegExp(`^(?:${folders.join('|')})/.`)

/** Lines of texts that should not be there, one for each file. */
const inTexts = (
  { texts }: SealedDisk,
  place: RegExp,
  wrong: (line: string) => string | null,
): readonly Left[] =>
  Object.entries(texts).flatMap(([path, text]) => {
    if (!place.test(path)) return []
    const what = saying(text)
      .map(wrong)
      .find((found) => found !== null)
    return what === undefined || what === null ? [] : [{ path, what }]
  })

const networkFile =
  /^etc\/(?:netplan\/[^/]+|network\/interfaces(?:\.d\/[^/]+)?|systemd\/network\/[^/]+|NetworkManager\/system-connections\/[^/]+|sysconfig\/network-scripts\/ifcfg-[^/]+)$/
const macAddress = /\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b/i
/** resolv.conf and the copies that tools make of it before they write their own. */
const resolverFile =
  /^etc\/(?:resolv\.conf|resolv\.conf\.[^/]+|\.resolv\.conf\.[^/]+|resolvconf\/resolv\.conf\.d\/original)$/
const ownAddress = /^(?:127\.|::1$|(?:fe|ff)0[02]::|fe80:)/
const diskFile =
  /^(?:etc\/default\/grub|boot\/grub2?\/grub\.cfg|boot\/efi\/EFI\/[^/]+\/grub\.cfg|boot\/loader\/entries\/[^/]+\.conf)$/
const machineDisk = /(?:^|[\s=])(\/dev\/(?:[svh]d[a-z]+|xvd[a-z]+|nvme\d|mmcblk\d|nbd\d|loop\d)\w*)/

/** Texts that these rules read. */
export const isStateText = (path: string): boolean =>
  /^etc\/(?:machine-id|hostname|hosts|fstab)$/.test(path) ||
  networkFile.test(path) ||
  resolverFile.test(path) ||
  diskFile.test(path)

/** Mount points of the system itself: a disk for data is the team's business. */
const systemMount = /^\/(?:(?:boot|efi|usr|var|home|tmp)(?:\/.*)?)?$/

function networkOfBuild(disk: SealedDisk): readonly Left[] {
  const hostname = (disk.texts['etc/hostname'] ?? '').trim()
  return [
    ...noFiles(
      /^var\/lib\/(?:dhcp|dhclient|dhcpcd|NetworkManager)\/[^/]*leases?$/,
      /^(?:run\/systemd\/netif|var\/lib\/systemd\/network)\/./,
      /^etc\/udev\/rules\.d\/[0-9]+-persistent-[^/]+\.rules$/,
    )(disk),
    ...inTexts(disk, networkFile, (line) => macAddress.exec(line)?.[0] ?? null),
    ...inTexts(disk, resolverFile, (line) => {
      const server = /^nameserver\s+(\S+)/.exec(line)?.[1]
      return server === undefined || ownAddress.test(server) ? null : `nameserver ${server}`
    }),
    ...(hostname === '' || hostname === 'localhost' ? [] : [{ path: 'etc/hostname', what: hostname }]),
    ...inTexts(disk, /^etc\/hosts$/, (line) => (ownAddress.test(line.split(/\s/)[0] ?? '') ? null : line)),
  ]
}

const disksOfBuild = (disk: SealedDisk): readonly Left[] => [
  ...parseFstab(disk.texts['etc/fstab'] ?? '').flatMap(({ source, mount }) =>
    systemMount.test(mount) && machineDisk.test(source)
      ? [{ path: 'etc/fstab', what: `${mount} from ${source}` }]
      : [],
  ),
  ...inTexts(disk, diskFile, (line) => machineDisk.exec(line)?.[1] ?? null),
]

function memoryImages(disk: SealedDisk): readonly Left[] {
  // A swap area has no mount point, so that it is no entry to parseFstab.
  const swaps = saying(disk.texts['etc/fstab'] ?? '').flatMap(
    (line) => /^\/(\S+)\s+\S+\s+swap\b/.exec(line)?.[1] ?? [],
  )
  return leftWhere(
    disk,
    ({ kind, bytes, path }) =>
      kind === 'file' &&
      bytes > 0 &&
      (swaps.includes(path) || /^(?:swap|swap\.img|swapfile|hiberfil\.sys)$/.test(path)),
  )
}

function machineId(disk: SealedDisk): readonly Left[] {
  const text = disk.texts['etc/machine-id']
  return [
    ...(text === undefined ? [{ path: 'etc/machine-id', what: 'it is not there as a file' }] : []),
    ...(['', 'uninitialized', undefined].includes(text?.trim()) ? [] : [{ path: 'etc/machine-id' }]),
    ...leftWhere(disk, ({ kind, path }) => kind === 'file' && path === 'var/lib/dbus/machine-id'),
  ]
}

const isCoreDump = (disk: SealedDisk): readonly Left[] =>
  leftWhere(
    disk,
    ({ kind, bytes, path }) =>
      kind === 'file' &&
      bytes > 0 &&
      (/^var\/(?:lib\/systemd\/coredump|crash)\/./.test(path) ||
        (/(?:^|\/)core(?:\.[0-9]+)?$/.test(path) &&
          !/^(?:usr|boot|opt|srv)\//.test(path) &&
          disk.packages?.owners.has(path) !== true)),
  )

/** Facts about what the build machine's own life would leave behind. */
export const stateRules: readonly Rule[] = [
  {
    id: 'no-cloud-init-state',
    title: 'cloud-init has never run, as far as the image knows',
    expected: 'no instance, no state, no log and no rendered network',
    found: noFiles(
      /^var\/lib\/cloud\/(?:instance$|(?:instances|data|sem|seed|handlers)\/)/,
      /^run\/cloud-init\//,
      /^var\/log\/cloud-init/,
      /^etc\/(?:netplan|network\/interfaces\.d|systemd\/network)\/[^/]*cloud-init/,
      /^etc\/ssh\/sshd_config\.d\/50-cloud-init\.conf$/,
    ),
  },
  {
    id: 'no-logs',
    title: 'the image has no logs of the build',
    expected: 'no log with a byte in it below /var/log, no journal, no list of logins',
    found: (disk) =>
      leftWhere(
        disk,
        ({ kind, bytes, path }) =>
          kind === 'file' &&
          ((bytes > 0 && /^var\/(?:log|lib\/wtmpdb|lib\/lastlog)\//.test(path)) ||
            /^(?:var|run)\/log\/journal\//.test(path)),
      ),
  },
  {
    id: 'no-history',
    title: 'the image has no history of commands',
    expected: 'no history of a shell, an editor or a client in any home',
    found: noFiles(
      /^(?!usr\/)(?:.+\/)?\.(?:[a-z][a-z_]*_history|history|histfile|lesshst|viminfo|wget-hsts|sudo_as_admin_successful|selected_editor|netrwhist)$/,
      /^(?!usr\/)(?:.+\/)?\.(?:ssh\/known_hosts(?:\.old)?|local\/share\/fish\/fish_history|local\/share\/nano\/.+)$/,
    ),
  },
  {
    id: 'machine-id-empty',
    title: 'every instance will make its own machine-id',
    expected: '/etc/machine-id is there and empty',
    found: machineId,
  },
  {
    id: 'no-random-seed',
    title: 'no two instances start from the same random numbers',
    expected: 'no stored seed or credential secret',
    found: noFiles(
      /^var\/lib\/systemd\/(?:random-seed|credential\.secret)$/,
      /^var\/lib\/(?:urandom|misc)\/random-seed$/,
      /^(?:boot\/efi|efi|boot)\/loader\/random-seed$/,
      /^etc\/credstore(?:\.encrypted)?\/./,
    ),
  },
  {
    id: 'no-mail',
    title: 'the image has no mail',
    expected: 'nothing in /var/mail, no queue of a mail server, no dead.letter',
    found: noFiles(
      inside('var/mail', 'var/spool/mail'),
      /^var\/spool\/(?:exim4\/(?:input|msglog)|postfix\/(?:active|deferred|incoming|maildrop|bounce|hold|corrupt|defer)|mqueue|clientmqueue)\/./,
      /(?:^|\/)dead\.letter$/,
    ),
  },
  {
    id: 'no-apt-leftovers',
    title: 'the image has no package lists or downloaded packages',
    expected: 'no lists, no archives, no caches of apt',
    found: noFiles(
      /^var\/lib\/apt\/lists\/(?!lock$)/,
      /^var\/cache\/apt\/(?:archives\/(?!lock$)|[^/]*\.bin$)/,
      /^var\/cache\/(?:dnf|yum|libdnf5|zypp)\/./,
    ),
  },
  {
    id: 'no-caches',
    title: 'the image has no caches of the build',
    expected: 'no cache in a home, none of pip, npm or the manual pages',
    found: noFiles(
      /^(?:root|home\/[^/]+)\/\.(?:cache|npm\/_cacache|npm\/_logs|bundle\/cache|gradle\/caches|cargo\/registry|m2\/repository)\/./,
      /^(?:root|home\/[^/]+)\/go\/pkg\/./,
      inside('var/cache/man', 'var/cache/pip'),
    ),
  },
  {
    id: 'no-package-leftovers',
    title: 'no upgrade has left two versions of a file',
    expected: 'no file .dpkg-new, .dpkg-old, .dpkg-dist, .ucf-dist, .rpmnew and the like',
    found: noFiles(
      /^(?!usr\/share\/).+\.(?:dpkg-(?:new|old|dist|bak|tmp)|ucf-(?:new|old|dist)|rpm(?:new|save|orig))$/,
    ),
  },
  {
    id: 'no-build-leftovers',
    title: 'what built the image has left nothing in it',
    expected: 'no working folder of mintmark, packer or ansible',
    found: (disk) => [
      ...leftWhere(disk, ({ path }) => /^(?:root|home\/[^/]+)\/(?:\.ansible|\.mintmark-[^/]+)$/.test(path)),
      ...leftWhere(
        disk,
        ({ path }) =>
          /(?:^|\/)(?:packer-(?:provisioner|shell|builder|puppet|chef|salt)[^/]*|ansible-tmp-[^/]+)$/.test(
            path,
          ) && !path.startsWith('usr/'),
      ),
    ],
  },
  {
    id: 'tmp-empty',
    title: 'the folders for temporary files are empty',
    expected: 'nothing in /tmp, /var/tmp and /dev/shm',
    // A file system of their own has a folder for what fsck finds.
    found: (disk) =>
      leftWhere(
        disk,
        ({ path }) =>
          inside('tmp', 'var/tmp', 'dev/shm').test(path) && !/^(?:var\/)?tmp\/lost\+found$/.test(path),
      ),
  },
  {
    id: 'no-core-dumps',
    title: 'no program has left its memory',
    expected: 'no core dump, no crash report',
    found: isCoreDump,
  },
  {
    id: 'no-memory-images',
    title: 'the image has no swapped or hibernated memory',
    expected: 'no swap file (cloud-init makes one at the first start of an instance)',
    found: memoryImages,
  },
  {
    id: 'no-network-of-the-build',
    title: "nothing names the build machine's network",
    expected: 'no lease, hardware address, name server or host name',
    found: networkOfBuild,
  },
  {
    id: 'no-disk-of-the-build',
    title: "nothing names the build machine's disk",
    expected: 'file systems by UUID or label in /etc/fstab and the boot loader',
    found: disksOfBuild,
  },
]
