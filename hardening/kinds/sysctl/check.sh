# shellcheck shell=sh disable=SC2016
if [ "$PHASE" = running ]; then
  rows '
    BEGIN {
      load()
      ipv6 = (getline line < "/proc/net/if_inet6") >= 0
      for (i = 1; i <= total; i++) {
        key = cell[i, 2]
        path = key
        gsub(/\./, "/", path)
        path = "/proc/sys/" path
        got = (getline value < path)
        close(path)
        if (got > 0) judge(cell[i, 1], key "=" cell[i, 3], key "=" squeeze(value))
        else if (key ~ /^net\.ipv6\./ && !ipv6) emit(cell[i, 1], "notapplicable", key "=" cell[i, 3], "no IPv6 in this kernel")
        else emit(cell[i, 1], "fail", key "=" cell[i, 3], key " is not in this kernel")
      }
    }'
else
  set --
  while IFS= read -r path; do
    [ -z "$path" ] || set -- "$@" "$path"
  done <<EOF
$(config_files .conf /etc/sysctl.d /run/sysctl.d /usr/local/lib/sysctl.d /usr/lib/sysctl.d /lib/sysctl.d)
EOF
  if readable "$@"; then
    # As systemd-sysctl does it: the last assignment wins, and a full name wins over a pattern wherever it stands.
    rows '
      function pattern_of(glob) {
        gsub(/[.+^$(){}|\\]/, "\\\\&", glob)
        gsub(/\*/, "[^.]*", glob)
        gsub(/\?/, "[^.]", glob)
        return "^" glob "$"
      }
      BEGIN { load() }
      /^[ \t]*([#;]|$)/ { next }
      {
        at = index($0, "=")
        name = trim(at ? substr($0, 1, at - 1) : $0)
        sub(/^-/, "", name)
        if (name ~ /^[^.]*\//) { gsub(/\./, "\001", name); gsub(/\//, ".", name); gsub(/\001/, "/", name) }
        file = substr(FILENAME, length(ENVIRON["ROOT"]) + 1)
        if (!at) { hidden[name] = 1; next }
        value = squeeze(substr($0, at + 1))
        if (name ~ /[*?[]/) { globs++; glob[globs] = pattern_of(name); globbed[globs] = value; glob_file[globs] = file }
        else { set_to[name] = value; set_in[name] = file }
      }
      END {
        for (i = 1; i <= total; i++) {
          key = cell[i, 2]
          expected = key "=" cell[i, 3]
          value = ""
          file = ""
          if (key in set_to) { value = set_to[key]; file = set_in[key] }
          else if (!(key in hidden)) for (j = 1; j <= globs; j++) if (key ~ glob[j]) { value = globbed[j]; file = glob_file[j] }
          if (file == "") emit(cell[i, 1], "fail", expected, key " is not set")
          else emit(cell[i, 1], value == cell[i, 3] ? "pass" : "fail", expected, key "=" value " (" file ")")
        }
      }' /dev/null "$@"
  else
    every_row error "$UNREADABLE can not be read"
  fi
fi
