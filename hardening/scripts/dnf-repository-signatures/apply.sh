# shellcheck shell=sh disable=SC2016
# In a repository's own section the word wins over that of dnf.conf.
for path in "$ROOT"/etc/yum.repos.d/*.repo "$ROOT"/etc/yum/repos.d/*.repo "$ROOT"/etc/distro.repos.d/*.repo; do
  [ -f "$path" ] || continue
  sed -E 's/^([[:space:]]*gpgcheck[[:space:]]*[=:][[:space:]]*)(0|no|false|off)[[:space:]]*$/\11/I' "$path" | edit "${path#"$ROOT"}"
done
