# shellcheck shell=sh
# The part that harden.sh and mintmark-check have in common.

# installed_MANAGER: what its books have as installed, one name a line; nothing when they can't be read.
installed_apt() {
  [ ! -f "$ROOT/var/lib/dpkg/status" ] || awk '
    $1 == "Package:" { name = $2 }
    /^Status: [a-z]+ ok installed/ { print name }' "$ROOT/var/lib/dpkg/status"
}
installed_dnf() {
  # A list that breaks off is none.
  installed_list=$([ -d "$ROOT/var/lib/rpm" ] && rpm --dbpath "$ROOT/var/lib/rpm" -qa --qf '%{NAME}\n' 2>/dev/null) || return 0
  printf '%s\n' "$installed_list"
}
