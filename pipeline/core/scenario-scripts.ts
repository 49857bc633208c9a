import type { PackageManager } from '../model/hardening.ts'
import { shellQuote } from './quote.ts'
import { askFunction } from './ssh-answers.ts'

/** What the login user is asked of a machine whose disk has a past. */
export const loginScript = `
${askFunction}
# The boot's own jobs; a full disk may let some of them fail.
booted() { timeout 120 systemctl is-system-running --wait; }
ask clock date -u +%s
ask user id -un
ask sudo sudo -n true
ask root sudo -n -i id -u
ask booted booted
ask failed-units systemctl list-units --failed --plain --no-legend --no-pager
ask state systemctl is-system-running
`

/** Of a login while the machine runs: nothing is waited for. */
export const briefLoginScript = `
${askFunction}
ask user id -un
ask sudo sudo -n true
ask root sudo -n -i id -u
ask state systemctl is-system-running
`

/** Where the audit writes, and then all else that the system needs to write to. */
const fillSteps = {
  audit: '/var/log/audit /var/log',
  system: '/var/log /var /',
} as const
export type FillStep = keyof typeof fillSteps

/**
 * Script for root that leaves no free block: of the file system that the audit writes to, or of all that the system does.
 * The answer `full` has a line `MOUNT BYTES` for each: what root could still write.
 */
export const fillScript = (step: FillStep): string => `
${askFunction}
umask 077
fill() {
  size=1073741824
  part=0
  # Blocks that only root may take are taken too; nothing is written, so it is fast and costs the host no space.
  while [ "$size" -ge 4096 ]; do
    if fallocate -l "$size" "$1/.mintmark-full-$part" 2>/dev/null; then
      part=$((part + 1))
    else
      rm -f "$1/.mintmark-full-$part"
      size=$((size / 4))
    fi
  done
  dd if=/dev/zero of="$1/.mintmark-full-rest" bs=1024 2>/dev/null
  sync -f "$1"
}
full() {
  for path in ${fillSteps[step]}; do
    [ -d "$path" ] || continue
    at=$(findmnt -no TARGET -T "$path")
    case " $seen " in *" $at "*) continue ;; esac
    seen="$seen $at"
    fill "$at"
    # A file system's own count of free blocks has a reserve in it that nobody gets.
    dd if=/dev/zero of="$at/.mintmark-full-probe" bs=4096 count=1024 conv=fsync 2>/dev/null
    echo "$at $(stat -c %s "$at/.mintmark-full-probe" 2>/dev/null || echo 0)"
    ${step === 'audit' ? 'break' : ''}
  done
}
seen=
ask full full
events() {
  at=0
  while [ "$at" -lt 40 ]; do
    touch /etc/passwd /etc/sudoers /etc/hosts
    at=$((at + 1))
  done
}
ask events events
`

/**
 * Script for root that stops all that keeps the time and moves the clock of the running machine. The answer `clock-set` tells whether it could.
 */
export const clockScript = (clock: Date): string => `
${askFunction}
keepers() { for unit in systemd-timesyncd chrony chronyd ntpsec ntpd; do systemctl stop "$unit" 2>/dev/null; done; true; }
ask time-stopped keepers
ask clock-set date -u -s @${Math.floor(clock.getTime() / 1000)}
`

/** A command of the login user that the audit records as refused. */
export const refusedSudo = 'sudo -n -u mintmark-nobody true'

export interface UpgradeSources {
  /** apt when it is left out. */
  readonly manager?: PackageManager
  /** Address in the image's own sources -> address that this machine can reach. */
  readonly addresses: readonly (readonly [string, string])[]
  /** Empty without one. */
  readonly proxy: string
}

const pattern = (url: string): string => url.replace(/\/+$/, '').replace(/[\\.*[\]^$#]/g, '\\$&')
const replacement = (url: string): string => url.replace(/\/+$/, '').replace(/[\\&#]/g, '\\$&')

/** Commands of sed that put one address in the place of another, with or without a slash at its end. */
export const sedOf = (addresses: UpgradeSources['addresses']): string =>
  addresses
    .map(([from, to]) => `s#${pattern(from)}/*\\([[:space:]]\\|$\\)#${replacement(to)}/\\1#g`)
    .join('\n')

/** Reinstalled when nothing is to be upgraded: the package whose upgrade could shut everybody out. */
const probePackage = 'openssh-server'

const aptUpgrade = ({ addresses, proxy }: UpgradeSources): string => `
SED=${shellQuote(sedOf(addresses))}
PROXY=${shellQuote(proxy)}
${askFunction}
umask 022
work=/run/mintmark-upgrade
mkdir -p "$work/parts"
printf '%s\\n' "$SED" >"$work/sed"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  if [ -f "$file" ]; then sed -f "$work/sed" "$file" >"$work/parts/\${file##*/}"; fi
done
{
  echo 'Dir::Etc::sourcelist "/dev/null";'
  echo "Dir::Etc::sourceparts \\"$work/parts\\";"
  echo 'Acquire::Languages "none";'
  echo 'Acquire::Retries "3";'
  echo 'Acquire::http::Timeout "30";'
  echo 'APT::Update::Error-Mode "any";'
  echo 'DPkg::Lock::Timeout "120";'
  echo 'Dpkg::Options { "--force-confdef"; "--force-confold"; };'
  if [ -n "$PROXY" ]; then echo "Acquire::http::Proxy \\"$PROXY\\";"; fi
  echo 'Acquire::http::Proxy::10.0.2.2 "DIRECT";'
} >"$work/apt.conf"
export APT_CONFIG="$work/apt.conf" DEBIAN_FRONTEND=noninteractive
# apt's own timers may be at it just after a boot.
systemctl stop apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service >/dev/null 2>&1
upgrade() {
  apt-get -q -y full-upgrade >"$work/log" 2>&1
  ended=$?
  tail -n 60 "$work/log"
  return "$ended"
}
reinstall() {
  if grep -q '^0 upgraded, 0 newly installed' "$work/log"; then apt-get -q -y --reinstall install ${probePackage}; else echo 'not needed'; fi
}
ask lists apt-get -q update
ask upgrade upgrade
ask reinstall reinstall
ask packages dpkg --audit
`

/** A count in apt's words, so that the facts need not know who upgraded. */
const dnfUpgrade = ({ addresses, proxy }: UpgradeSources): string => `
SED=${shellQuote(sedOf(addresses))}
PROXY=${shellQuote(proxy)}
${askFunction}
umask 022
work=/run/mintmark-upgrade
mkdir -p "$work/repos"
printf '%s\\n' "$SED" >"$work/sed"
for file in /etc/yum.repos.d/*.repo; do
  if [ -f "$file" ]; then sed -f "$work/sed" "$file" >"$work/repos/\${file##*/}"; fi
done
export LC_ALL=C no_proxy=10.0.2.2,169.254.169.254
[ -z "$PROXY" ] || export http_proxy="$PROXY" https_proxy="$PROXY"
with_dnf() {
  dnf -q -y "--setopt=reposdir=$work/repos" --setopt=install_weak_deps=False --setopt=retries=3 "$@"
}
# dnf's own timers may be at it just after a boot.
systemctl stop dnf-makecache.timer dnf-automatic.timer dnf-makecache.service dnf-automatic.service >/dev/null 2>&1
upgrade() {
  rpm -qa | sort >"$work/before"
  with_dnf upgrade >"$work/log" 2>&1
  ended=$?
  tail -n 60 "$work/log"
  rpm -qa | sort >"$work/after"
  count=$(comm -13 "$work/before" "$work/after" | wc -l)
  [ "$ended" -ne 0 ] || echo "$count upgraded, 0 newly installed"
  return "$ended"
}
reinstall() {
  if cmp -s "$work/before" "$work/after"; then with_dnf reinstall ${probePackage}; else echo 'not needed'; fi
}
ask lists with_dnf makecache
ask upgrade upgrade
ask reinstall reinstall
ask packages dnf -q '--disablerepo=*' check
`

const upgraders: Readonly<Record<PackageManager, (sources: UpgradeSources) => string>> = {
  apt: aptUpgrade,
  dnf: dnfUpgrade,
}

/**
 * Script for root that upgrades by the image's own sources, read from the mirrors. It goes by stdin: no address of a mirror
 * is in an argument. Answers: `lists`, `upgrade`, `reinstall`, `packages` (what the package manager finds broken).
 */
export const upgradeScript = (sources: UpgradeSources): string => upgraders[sources.manager ?? 'apt'](sources)

/** The text with no address or host of a mirror in it. */
export function withoutMirrors(text: string, { addresses, proxy }: UpgradeSources): string {
  const own = addresses.flatMap(([from, to]) => (from === to ? [] : [to]))
  const urls = [...new Set([...own, proxy].map((url) => url.replace(/\/+$/, '')))].filter((url) => url !== '')
  const known = new Set(addresses.flatMap(([from]) => (URL.canParse(from) ? [new URL(from).host] : [])))
  const hosts = urls.flatMap((url) => {
    if (!URL.canParse(url)) return []
    const { host, hostname } = new URL(url)
    return known.has(host) ? [] : [host, hostname]
  })
  return [...urls, ...new Set(hosts)]
    .filter((word) => word !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((clean, word) => clean.replaceAll(word, 'the mirror'), text)
    .replace(/ ?(?:\[IP: [^\]]*\]|\([0-9a-f.:]{3,}\))/g, '')
}
