# shellcheck shell=sh disable=SC2016
# Takes away what nobody should have: write permission for all on files, folders for all without the sticky bit. One walk.
set --
asked=$(printf '%s\n' "$ITEMS" | cut -f 2)
case $asked in *world-writable-files*) set -- "$@" -o -type f -perm -0002 -exec chmod o-w '{}' + ;; esac
case $asked in *sticky-folders*) set -- "$@" -o -type d -perm -0002 ! -perm -1000 -exec chmod a+t '{}' + ;; esac
walk() { # walk POINT EXPRESSION...
  point=$1
  shift
  find "$point" -xdev \( -path "$ROOT/proc" -o -path "$ROOT/sys" -o -path "$ROOT/dev" -o -path "$ROOT/run" \) -prune "$@"
}
walk "$ROOT/" "$@"
# The other file systems of a running machine: those that its fstab names, not what is mounted besides.
if live && [ -r /etc/fstab ]; then
  points=$(awk '$1 !~ /^#/ && $2 != "/" && $3 ~ /^(ext[234]|xfs|btrfs)$/ { print $2 }' /etc/fstab)
  for mounted in $points; do
    [ ! -d "$mounted" ] || walk "$mounted" "$@"
  done
fi
