# shellcheck shell=sh disable=SC2016
ruleset=''
failed=''
if [ "$PHASE" = running ]; then
  ruleset=$(nft list ruleset 2>&1) || failed="nft list ruleset: $ruleset"
else
  set -- "$ROOT/etc/nftables.conf"
  for path in "$ROOT"/etc/nftables.d/*.nft; do
    [ ! -e "$path" ] || set -- "$@" "$path"
  done
  if readable "$@" "$ROOT/etc/nftables.d"; then
    [ ! -e "$1" ] || ruleset=$(cat "$@")
  else
    failed="$UNREADABLE can not be read"
  fi
fi
if [ -n "$failed" ]; then
  every_row error "$failed"
else
  printf '%s\n' "$ruleset" | PORTS=$PORTS rows '
    # The ports that a rule without other conditions lets in, as words.
    function ports_of(text) {
      sub(/^tcp dport /, "", text)
      sub(/ (ct state new )?(counter )?(packets [0-9]+ bytes [0-9]+ )?accept.*$/, "", text)
      gsub(/[{},]/, " ", text)
      gsub(/(^| )ssh( |$)/, " 22 ", text)
      return squeeze(text)
    }
    function sorted(text,  word, words, i, j, hold, out) {
      words = split(text, word, " ")
      for (i = 2; i <= words; i++) {
        hold = word[i] + 0
        for (j = i - 1; j >= 1 && word[j] + 0 > hold; j--) word[j + 1] = word[j]
        word[j + 1] = hold
      }
      for (i = 1; i <= words; i++) if (i == 1 || word[i] != word[i - 1]) out = out (out == "" ? "" : " ") word[i]
      return out
    }
    function input_rule(text) {
      if (text == "iif \"lo\" accept" || text == "iifname \"lo\" accept") loopback = 1
      else if (text ~ /^ct state (\{ )?(established,related|established, related|related,established)( \})? accept$/) established = 1
      else if (text ~ /^tcp dport .*accept/) ports = ports " " ports_of(text)
      else if (text ~ /^icmp type .*accept$/) icmp4 = text ~ /destination-unreachable/
      else if (text ~ /^icmpv6 type .*accept$/) { if (text ~ /nd-neighbor-solicit/ && text ~ /nd-neighbor-advert/) neighbours = 1; if (text ~ /packet-too-big/) toobig = 1 }
      else if (text == "udp sport 67 udp dport 68 accept") dhcp4 = 1
      else if (text == "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept") dhcp6 = 1
      else if (text ~ /accept/) more = more (more == "" ? "" : "; ") text
    }
    function yes(id, right, expected, otherwise) { emit(id, right ? "pass" : "fail", expected, right ? expected : otherwise) }
    BEGIN { load() }
    {
      text = squeeze($0)
      if (text ~ /^#/ || text == "") next
      if (text ~ /^flush ruleset/) { policy["input"] = policy["forward"] = ""; loopback = established = icmp4 = neighbours = toobig = dhcp4 = dhcp6 = 0; ports = more = ""; next }
      if (text ~ /^table /) { table_name = $2 " " $3; next }
      if (text ~ /^chain /) { chain = $2; hook = ""; next }
      if (text ~ /^type filter hook /) {
        hook = $4
        if (table_name == "inet filter" && match(text, /policy [a-z]+/)) policy[hook] = substr(text, RSTART + 7, RLENGTH - 7)
        next
      }
      if (text ~ /^(add|insert) rule inet filter input /) { sub(/^(add|insert) rule inet filter input /, "", text); input_rule(text); next }
      if (table_name == "inet filter" && hook == "input" && text != "}") input_rule(text)
    }
    END {
      open = sorted(ports)
      declared = sorted(ENVIRON["PORTS"])
      for (i = 1; i <= total; i++) {
        id = cell[i, 1]
        rule = cell[i, 2]
        if (rule == "default-drop") yes(id, policy["input"] == "drop", "input policy drop", "input policy " (policy["input"] == "" ? "none" : policy["input"]))
        else if (rule == "forward-drop") yes(id, policy["forward"] == "drop", "forward policy drop", "forward policy " (policy["forward"] == "" ? "none" : policy["forward"]))
        else if (rule == "loopback") yes(id, loopback, "loopback accepted", "no rule for lo")
        else if (rule == "established") yes(id, established, "established,related accepted", "no such rule")
        else if (rule == "icmp") yes(id, icmp4 && neighbours && toobig, "icmp and icmpv6 with neighbour discovery accepted", "a rule is missing")
        else if (rule == "dhcp") yes(id, dhcp4 && dhcp6, "dhcp answers accepted", "a rule is missing")
        else if (rule == "ports") emit(id, open == declared && more == "" ? "pass" : "fail", "tcp " declared, "tcp " (open == "" ? "none" : open) (more == "" ? "" : "; " more))
        else emit(id, "error", rule, "unknown rule")
      }
    }'
fi
