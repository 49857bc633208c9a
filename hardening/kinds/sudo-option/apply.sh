# shellcheck shell=sh disable=SC2016
# In sudoers the last match wins; names with a dot are not read.
{
  printf '# %s\n' "$NOTE"
  printf '%s\n' "$ITEMS" | awk -F '\t' '$0 != "" { print "Defaults " $2 }'
} | put /etc/sudoers.d/99-mintmark 0440
if command -v visudo >/dev/null; then
  if ! visudo -cqf "$ROOT/etc/sudoers.d/99-mintmark"; then
    rm -f "$ROOT/etc/sudoers.d/99-mintmark"
    die 'sudo refuses these options'
  fi
fi
