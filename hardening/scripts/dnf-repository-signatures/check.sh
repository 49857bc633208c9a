# shellcheck shell=sh disable=SC2016
# All that dnf reads repositories from when it is not told otherwise.
set -- "$ROOT"/etc/yum.repos.d/*.repo "$ROOT"/etc/yum/repos.d/*.repo "$ROOT"/etc/distro.repos.d/*.repo
if readable "$ROOT/etc/yum.repos.d" "$ROOT/etc/yum/repos.d" "$ROOT/etc/distro.repos.d" "$@"; then
  loose=$(grep -sliE '^[[:space:]]*gpgcheck[[:space:]]*[=:][[:space:]]*(0|no|false|off)[[:space:]]*$' "$@" | head -n 1)
  if [ -z "$loose" ]; then
    every_row pass 'no repository takes unsigned packages'
  else
    every_row fail "${loose#"$ROOT"} takes unsigned packages"
  fi
else
  every_row error "$UNREADABLE can not be read"
fi
