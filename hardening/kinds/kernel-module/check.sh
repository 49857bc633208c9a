# shellcheck shell=sh disable=SC2016
program='
  function plain(name) { gsub(/-/, "_", name); return name }
  BEGIN { load() }
  ENVIRON["PHASE"] == "running" && FILENAME == "/proc/modules" { loaded[plain($1)] = 1; next }
  $1 == "install" { name = plain($2); if (!(name in install)) { $1 = ""; $2 = ""; install[name] = squeeze($0) } }
  $1 == "blacklist" { blacklist[plain($2)] = 1 }
  END {
    for (i = 1; i <= total; i++) {
      name = plain(cell[i, 2])
      command = (name in install) ? install[name] : "none"
      safe = command == "/bin/false" || command == "/bin/true" || command == "/usr/bin/false" || command == "/usr/bin/true"
      found = "install " command (name in blacklist ? ", blacklisted" : "") (name in loaded ? ", loaded" : "")
      emit(cell[i, 1], safe && (name in blacklist) && !(name in loaded) ? "pass" : "fail", cell[i, 2] ": install /bin/false, blacklisted", cell[i, 2] ": " found)
    }
  }'
if [ "$PHASE" = running ]; then
  if config=$(modprobe -c 2>&1); then
    set --
    [ ! -r /proc/modules ] || set -- /proc/modules
    printf '%s\n' "$config" | rows "$program" - "$@"
  else
    every_row error "modprobe -c: $config"
  fi
else
  set --
  while IFS= read -r path; do
    [ -z "$path" ] || set -- "$@" "$path"
  done <<EOF
$(config_files .conf /etc/modprobe.d /run/modprobe.d /usr/local/lib/modprobe.d /usr/lib/modprobe.d /lib/modprobe.d)
EOF
  if readable "$@"; then
    rows "$program" /dev/null "$@"
  else
    every_row error "$UNREADABLE can not be read"
  fi
fi
