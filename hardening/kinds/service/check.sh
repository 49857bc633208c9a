# shellcheck shell=sh disable=SC2016
if [ "$PHASE" = running ]; then
  units=''
  while IFS=$TAB read -r id names _; do
    [ -n "$id" ] || continue
    while [ -n "$names" ]; do
      units="$units ${names%%|*}"
      case $names in *'|'*) names=${names#*|} ;; *) names='' ;; esac
    done
  done <<EOF
$ITEMS
EOF
  # shellcheck disable=SC2086 # unit names have no spaces
  if ! states=$(systemctl show --property=LoadState,ActiveState,UnitFileState $units 2>&1); then
    every_row error "systemctl show: $states"
    exit 0
  fi
else
  # The same words as systemctl's, read off the links.
  states=''
  while IFS=$TAB read -r id names _; do
    [ -n "$id" ] || continue
    while [ -n "$names" ]; do
      unit=${names%%|*}
      load=not-found
      file=''
      for folder in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
        state "$ROOT$folder"
        [ "$STATE" != unreadable ] || load=unreadable
        if [ "$load" = not-found ] && { [ -e "$ROOT$folder/$unit" ] || [ -L "$ROOT$folder/$unit" ]; }; then
          load=loaded
          file=disabled
          [ ! -L "$ROOT$folder/$unit" ] || [ "$(readlink "$ROOT$folder/$unit")" != /dev/null ] || load=masked
        fi
      done
      for link in "$ROOT"/etc/systemd/system/*.wants/"$unit" "$ROOT"/etc/systemd/system/*.requires/"$unit"; do
        [ ! -L "$link" ] || file=enabled
      done
      states="${states}LoadState=$load
UnitFileState=$file

"
      case $names in *'|'*) names=${names#*|} ;; *) names='' ;; esac
    done
  done <<EOF
$ITEMS
EOF
fi
STATES=$states rows '
  BEGIN {
    load()
    running = ENVIRON["PHASE"] == "running"
    lines = split(ENVIRON["STATES"], line, "\n")
    block = 1
    for (i = 1; i <= lines; i++) {
      if (line[i] == "") { block++; continue }
      at = index(line[i], "=")
      value[block, substr(line[i], 1, at - 1)] = substr(line[i], at + 1)
    }
    block = 0
    for (i = 1; i <= total; i++) {
      names = split(cell[i, 2], unit, "|")
      good = 0
      unreadable = 0
      found = ""
      for (j = 1; j <= names; j++) {
        block++
        loaded = value[block, "LoadState"]
        file = value[block, "UnitFileState"]
        active = value[block, "ActiveState"]
        if (loaded == "unreadable" || loaded == "") unreadable = 1
        word = loaded == "masked" || loaded == "not-found" ? loaded : (file == "" ? "not enabled" : file) (running ? ", " active : "")
        found = found (found == "" ? "" : "; ") unit[j] " " word
        on = loaded == "loaded" && file ~ /^enabled/ && (!running || active == "active" || active == "activating")
        off = loaded == "not-found" || (file !~ /^enabled/ && (!running || active != "active"))
        if (cell[i, 3] == "enabled" && on) good = 1
        if (cell[i, 3] == "disabled" && off) good = 1
        if (cell[i, 3] == "masked" && loaded == "masked") good = 1
      }
      emit(cell[i, 1], unreadable ? "error" : good ? "pass" : "fail", cell[i, 2] " " cell[i, 3], found)
    }
  }'
