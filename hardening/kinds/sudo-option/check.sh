# shellcheck shell=sh disable=SC2016
# sudo prints its effective defaults for one user at a time, so the files are read as sudo does: the last one wins.
set -- "$ROOT/etc/sudoers"
for path in "$ROOT"/etc/sudoers.d/*; do
  case ${path##*/} in
    *.* | *'~' | '*') ;;
    *) set -- "$@" "$path" ;;
  esac
done
state "$ROOT/etc/sudoers.d"
if [ "$STATE" = unreadable ]; then
  every_row error '/etc/sudoers.d can not be read'
elif [ ! -e "$ROOT/etc/sudoers" ] && readable "$1"; then
  every_row fail 'sudo is not there'
elif readable "$@"; then
  rows '
    function name_of(option) {
      sub(/^!+/, "", option)
      sub(/[ \t]*[-+]?=.*$/, "", option)
      return option
    }
    function take(option, scope, file,  name) {
      option = trim(option)
      if (option == "") return
      gsub(/[ \t]*=[ \t]*/, "=", option)
      gsub(/"/, "", option)
      name = name_of(option)
      if (scope == "") { set_to[name] = option; set_in[name] = file }
      else { other[name] = option; other_in[name] = file " for " scope }
    }
    BEGIN { load() }
    {
      text = carried $0
      carried = ""
      if (text ~ /\\$/) { carried = substr(text, 1, length(text) - 1); next }
      text = trim(text)
      if (text !~ /^Defaults/) next
      text = substr(text, 9)
      scope = ""
      if (text ~ /^[@:!>]/) { match(text, /^[^ \t]+/); scope = substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1) }
      file = substr(FILENAME, length(ENVIRON["ROOT"]) + 1)
      quoted = 0
      part = ""
      for (i = 1; i <= length(text); i++) {
        one = substr(text, i, 1)
        if (one == "\"") quoted = !quoted
        if (one == "," && !quoted) { take(part, scope, file); part = "" }
        else part = part one
      }
      take(part, scope, file)
    }
    END {
      for (i = 1; i <= total; i++) {
        name = name_of(cell[i, 2])
        if ((name in other) && other[name] != cell[i, 2]) emit(cell[i, 1], "fail", cell[i, 2], other[name] " (" other_in[name] ")")
        else if (!(name in set_to)) emit(cell[i, 1], "fail", cell[i, 2], name " is not set")
        else emit(cell[i, 1], set_to[name] == cell[i, 2] ? "pass" : "fail", cell[i, 2], set_to[name] " (" set_in[name] ")")
      }
    }' "$@"
else
  every_row error "$UNREADABLE can not be read"
fi
