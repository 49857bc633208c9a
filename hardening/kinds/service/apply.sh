# shellcheck shell=sh disable=SC2016
# Units are only enabled, disabled or masked; they start or stay away at the next boot. `a|b`: the first that is installed.
installed() {
  for folder in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
    [ ! -f "$ROOT$folder/$1" ] || return 0
  done
  return 1
}
enable=''
disable=''
mask=''
while IFS=$TAB read -r id units wanted; do
  [ -n "$id" ] || continue
  case $wanted in
    masked) mask="$mask $units" ;;
    disabled) ! installed "$units" || disable="$disable $units" ;;
    enabled)
      chosen=''
      rest=$units
      while [ -n "$rest" ]; do
        unit=${rest%%|*}
        case $rest in *'|'*) rest=${rest#*|} ;; *) rest='' ;; esac
        if [ -z "$chosen" ] && installed "$unit"; then chosen=$unit; fi
      done
      [ -n "$chosen" ] || die "no unit of $units is installed (control $id)"
      enable="$enable $chosen"
      ;;
    *) die "unknown state $wanted of $units (control $id)" ;;
  esac
done <<EOF
$ITEMS
EOF
folder=$ROOT/etc/systemd/system
mkdir -p "$folder"
for unit in $mask; do
  [ "$(readlink "$folder/$unit" || :)" = /dev/null ] || ln -sf /dev/null "$folder/$unit"
done
root=''
[ -z "$ROOT" ] || root=--root=$ROOT
if [ -n "$enable" ]; then
  # shellcheck disable=SC2086 # unit names have no spaces
  systemctl ${root:+"$root"} --quiet enable $enable
fi
if [ -n "$disable" ]; then
  # shellcheck disable=SC2086
  systemctl ${root:+"$root"} --quiet disable $disable
fi
