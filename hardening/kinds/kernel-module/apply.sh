# shellcheck shell=sh disable=SC2016
# modprobe takes the first install line it meets for a module: the name sorts first.
{
  printf '# %s\n' "$NOTE"
  printf '%s\n' "$ITEMS" | awk -F '\t' '$0 != "" { print "install " $2 " /bin/false"; print "blacklist " $2 }'
} | put /etc/modprobe.d/00-mintmark.conf 0644
