# shellcheck shell=sh disable=SC2016
# One base chain that drops what no rule above allows. It is loaded at boot in one transaction: there is no moment at which
# the drop is there and the way in is not. Teams add rules in /etc/nftables.d/*.nft.
asked() {
  case "$TAB$ITEMS
" in
    *"$TAB$1
"*) return 0 ;;
  esac
  return 1
}
policy=accept
! asked default-drop || policy=drop
forward=accept
! asked forward-drop || forward=drop
mkdir -p "$ROOT/etc/nftables.d"
{
  printf '#!/usr/sbin/nft -f\n# %s\n' "$NOTE"
  printf 'flush ruleset\n\ntable inet filter {\n\tchain input {\n'
  printf '\t\ttype filter hook input priority filter; policy %s;\n' "$policy"
  if asked loopback; then
    printf '\t\tiif "lo" accept\n'
    printf '\t\tiif != "lo" ip saddr 127.0.0.0/8 drop\n'
    printf '\t\tiif != "lo" ip6 saddr ::1 drop\n'
  fi
  if asked established; then
    printf '\t\tct state established,related accept\n'
    printf '\t\tct state invalid drop\n'
  fi
  if asked ports; then
    printf '\t\ttcp dport { %s } accept\n' "$(printf '%s' "$PORTS" | awk '{ gsub(/ /, ", "); print }')"
  fi
  if asked icmp; then
    printf '\t\ticmp type { echo-reply, destination-unreachable, echo-request, time-exceeded, parameter-problem } accept\n'
    printf '\t\ticmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, echo-reply } accept\n'
    printf '\t\ticmpv6 type { mld-listener-query, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept\n'
  fi
  if asked dhcp; then
    printf '\t\tudp sport 67 udp dport 68 accept\n'
    printf '\t\tip6 saddr fe80::/10 udp sport 547 udp dport 546 accept\n'
  fi
  printf '\t}\n\tchain forward {\n'
  printf '\t\ttype filter hook forward priority filter; policy %s;\n' "$forward"
  printf '\t}\n\tchain output {\n\t\ttype filter hook output priority filter; policy accept;\n\t}\n}\n\n'
  printf 'include "/etc/nftables.d/*.nft"\n'
} | put /etc/nftables.conf 0755
if live && command -v nft >/dev/null && nft list tables >/dev/null 2>&1; then
  nft -c -f /etc/nftables.conf
fi
