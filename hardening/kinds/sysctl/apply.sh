# shellcheck shell=sh disable=SC2016
# Sorts after 99-sysctl.conf (the link to /etc/sysctl.conf), so that an old setting there does not win.
{
  printf '# %s\n' "$NOTE"
  printf '%s\n' "$ITEMS" | awk -F '\t' '$0 != "" { print $2 " = " $3 }'
} | put /etc/sysctl.d/99-zz-mintmark.conf 0644
