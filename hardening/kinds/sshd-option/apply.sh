# shellcheck shell=sh disable=SC2016
# In sshd the first value wins: the name sorts before 50-cloud-init.conf, and the include must come first.
main=/etc/ssh/sshd_config
[ -f "$ROOT$main" ] || die "$main is missing"
if ! awk 'tolower($1) == "include" && $2 == "/etc/ssh/sshd_config.d/*.conf" { found = 1 } /^[ \t]*[A-Za-z]/ { exit } END { exit !found }' "$ROOT$main"; then
  { printf 'Include /etc/ssh/sshd_config.d/*.conf\n'; cat "$ROOT$main"; } | edit "$main"
fi
{
  printf '# %s\n' "$NOTE"
  printf '%s\n' "$ITEMS" | awk -F '\t' '$0 != "" { print $2 " " $3 }'
} | put /etc/ssh/sshd_config.d/00-mintmark.conf 0600
if live && command -v sshd >/dev/null; then
  mkdir -p /run/sshd
  # Without host keys sshd can't test itself; they are made at the first boot.
  for key in /etc/ssh/ssh_host_*_key; do
    [ ! -f "$key" ] || { sshd -t && break; }
  done
fi
