# shellcheck shell=sh disable=SC2016
# One line of fstab for each mount point; systemd mounts it at the next boot.
[ -e "$ROOT/etc/fstab" ] || printf '# %s\n' "$NOTE" | put /etc/fstab 0644
ITEMS=$ITEMS awk '
  BEGIN {
    lines = split(ENVIRON["ITEMS"], line, "\n")
    for (i = 1; i <= lines; i++) {
      if (split(line[i], part, "\t") < 5) continue
      order[++total] = part[2]
      wanted[part[2]] = part[3] " " part[2] " " part[4] " " part[5] " 0 0"
    }
  }
  $1 !~ /^#/ && ($2 in wanted) { if (!done[$2]++) print wanted[$2]; next }
  { print }
  END { for (i = 1; i <= total; i++) if (!done[order[i]]++) print wanted[order[i]] }' "$ROOT/etc/fstab" | edit /etc/fstab
