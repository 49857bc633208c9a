# shellcheck shell=sh disable=SC2016
# What the back ends were last made of, not what the configuration asks for. The same policies as in apply.
strong='(DEFAULT|FUTURE|FIPS)(:(NO-CAMELLIA|NO-SHA1|NO-SSHCBC|NO-SSHETM|NO-SSHWEAKCIPHERS|NO-SSHWEAKMACS|ECDHE-ONLY|OSPP|STIG))*'
path=/etc/crypto-policies/state/current
state "$ROOT$path"
case $STATE in
  unreadable) every_row error "$path can not be read" ;;
  absent) every_row fail "$path is not there" ;;
  *)
    policy=$(cat "$ROOT$path")
    if printf '%s\n' "$policy" | grep -qxE "$strong"; then every_row pass "$policy"; else every_row fail "${policy:-empty}"; fi
    ;;
esac
