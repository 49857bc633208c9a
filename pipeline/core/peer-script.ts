import type { Ipv4 } from './ip-packet.ts'
import { askFunction } from './ssh-answers.ts'

/** A name that only the peer knows, in a domain that nobody can own (RFC 6761). */
export const peerName = 'peer.mintmark.test'
/** A name of that domain that nobody has. */
export const absentName = 'absent.mintmark.test'
const peerDomain = 'mintmark.test'

/** The peer's clock is ahead of the true time by this much: more than a clock drifts, less than makes a login odd. */
export const peerAheadMs = 300_000

/** Until a look-up or the time has come, in the guest. */
const waitSeconds = 60

/**
 * A script of sh for root in a throw-away guest, printed answers as `lookScript` has them: looks up names through the image's
 * own resolver, asked to use the peer on the link, and sets the clock by the image's own time client from the peer. Both are
 * put back as they were; the clock stays.
 */
export const peerScript = (addresses: { readonly ours: Ipv4; readonly instance: Ipv4 }): string => `
${askFunction}
peer=${addresses.ours}
link=$(ip -o -4 addr show to ${addresses.instance} | awk '{ print $2; exit }')
umask 022
uptime_s() { cut -d. -f1 /proc/uptime; }

# On top of a file of the system's, for as long as it is needed.
over() { [ -e "$2" ] || : >"$2"; mount --bind "$1" "$(readlink -f "$2")"; }
back() { umount "$(readlink -f "$1")"; }

by_resolved() {
  systemctl is-active --quiet systemd-resolved || return 1
  case $(readlink -f /etc/resolv.conf) in /run/systemd/resolve/*) return 0 ;; esac
  grep -q '^hosts:.*resolve' /etc/nsswitch.conf
}
dns_set() {
  if by_resolved; then
    resolvectl dns "$link" "$peer" && resolvectl domain "$link" '~${peerDomain}' && echo systemd-resolved
  else
    printf 'nameserver %s\\n' "$peer" >/run/mintmark-resolv.conf
    over /run/mintmark-resolv.conf /etc/resolv.conf && echo resolv.conf
  fi
}
dns_back() { if by_resolved; then resolvectl revert "$link"; else back /etc/resolv.conf; fi; }
dns_found() {
  end=$(($(uptime_s) + ${waitSeconds}))
  until timeout 30 getent ahostsv4 ${peerName}; do
    [ "$(uptime_s)" -lt "$end" ] || return 2
    sleep 1
  done
}

client() {
  for unit in systemd-timesyncd chrony ntpsec; do
    if systemctl is-active --quiet "$unit"; then echo "$unit"; return 0; fi
  done
  return 1
}
timesyncd_file=/run/systemd/timesyncd.conf.d/zz-mintmark-peer.conf
time_set() {
  case $1 in
    systemd-timesyncd)
      mkdir -p /run/systemd/timesyncd.conf.d
      # Empty first: servers of the image's own are added to, not replaced.
      printf '[Time]\\nNTP=\\nNTP=%s\\nFallbackNTP=\\n' "$peer" >"$timesyncd_file"
      rm -f /run/systemd/timesync/synchronized
      systemctl restart "$1" ;;
    chrony)
      chronyc -n offline && chronyc -n reset sources && chronyc -n add server "$peer" iburst ;;
    ntpsec)
      printf 'server %s iburst\\n' "$peer" >/run/mintmark-ntp.conf
      over /run/mintmark-ntp.conf /etc/ntpsec/ntp.conf && systemctl restart "$1" ;;
  esac
}
time_back() {
  case $1 in
    systemd-timesyncd) rm "$timesyncd_file" && systemctl restart "$1" ;;
    chrony) chronyc -n delete "$peer" && chronyc -n online ;;
    ntpsec) back /etc/ntpsec/ntp.conf && systemctl restart "$1" ;;
  esac
}
# Seconds by which the clock has gone ahead of the time that has passed.
moved() { echo $(($(date +%s) - $(uptime_s) - started)); }
synchronized() { [ "$(timedatectl show -p NTPSynchronized --value)" = yes ]; }
time_moved() {
  [ -n "$unit" ] || return 2
  end=$(($(uptime_s) + ${waitSeconds}))
  until [ "$(moved)" -ge ${peerAheadMs / 2000} ] && synchronized; do
    [ "$(uptime_s)" -lt "$end" ] || return 2
    sleep 1
  done
}

ask dns-set dns_set
ask dns-found dns_found
ask dns-absent timeout 60 getent ahostsv4 ${absentName}
ask dns-back dns_back
started=$(($(date +%s) - $(uptime_s)))
ask time-client client
unit=$(client)
ask time-set time_set "$unit"
ask time-synchronized time_moved
ask time-moved moved
ask time-back time_back "$unit"
`
