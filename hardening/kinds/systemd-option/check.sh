# shellcheck shell=sh disable=SC2016
set --
files=''
while IFS=$TAB read -r _ file _; do
  case " $files " in
    *" $file "*) ;;
    *)
      files="$files $file"
      for folder in /etc /run /usr/local/lib /usr/lib; do
        set -- "$@" "$folder/systemd/$file.d"
      done
      ;;
  esac
done <<EOF
$ITEMS
EOF
dropins=$(config_files .conf "$@")
set --
while IFS= read -r path; do
  [ -z "$path" ] || set -- "$@" "$path"
done <<EOF
$dropins
EOF
if readable "$@"; then
  # The file itself is read first (the copy in /etc hides the one in /usr/lib), then the drop-ins; the last value wins.
  DROPINS=$dropins rows '
    function read_in(path, name,  text, section, at, got, key) {
      while ((got = (getline text < path)) > 0) {
        text = trim(text)
        if (text ~ /^[#;]/ || text == "") continue
        if (text ~ /^\[.*\]$/) { section = substr(text, 2, length(text) - 2); continue }
        at = index(text, "=")
        if (!at) continue
        key = name SUBSEP section SUBSEP trim(substr(text, 1, at - 1))
        set_to[key] = squeeze(substr(text, at + 1))
        set_in[key] = substr(path, length(ENVIRON["ROOT"]) + 1)
      }
      close(path)
      return got >= 0
    }
    BEGIN {
      load()
      files = split(ENVIRON["DROPINS"], dropin, "\n")
      for (i = 1; i <= total; i++) {
        name = cell[i, 2]
        if (!(name in done)) {
          done[name] = 1
          root = ENVIRON["ROOT"]
          if (!read_in(root "/etc/systemd/" name, name)) if (!read_in(root "/run/systemd/" name, name)) read_in(root "/usr/lib/systemd/" name, name)
          for (n = 1; n <= files; n++) if (index(dropin[n], "/systemd/" name ".d/") > 0) read_in(dropin[n], name)
        }
        key = name SUBSEP cell[i, 3] SUBSEP cell[i, 4]
        expected = cell[i, 4] "=" cell[i, 5]
        if (!(key in set_to)) emit(cell[i, 1], "fail", expected, cell[i, 4] " is not set (" name ")")
        else emit(cell[i, 1], tolower(set_to[key]) == tolower(cell[i, 5]) ? "pass" : "fail", expected, cell[i, 4] "=" set_to[key] " (" set_in[key] ")")
      }
    }'
else
  every_row error "$UNREADABLE can not be read"
fi
