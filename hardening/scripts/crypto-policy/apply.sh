# shellcheck shell=sh disable=SC2016
# Only what is weaker than DEFAULT is changed. A module may be weaker than its policy, also one called NO-something: those that are not are named.
strong='(DEFAULT|FUTURE|FIPS)(:(NO-CAMELLIA|NO-SHA1|NO-SSHCBC|NO-SSHETM|NO-SSHWEAKCIPHERS|NO-SSHWEAKMACS|ECDHE-ONLY|OSPP|STIG))*'
if live && ! grep -qxE "$strong" /etc/crypto-policies/state/current 2>/dev/null; then
  update-crypto-policies --no-reload --set DEFAULT >/dev/null
fi
