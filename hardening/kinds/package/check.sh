# shellcheck shell=sh disable=SC2016
# dpkg's own database is the effective state, in a running machine and on a folder.
if readable "$ROOT/var/lib/dpkg/status" && [ -f "$ROOT/var/lib/dpkg/status" ]; then
  rows '
    BEGIN { load() }
    $1 == "Package:" { name = $2 }
    /^Status: [a-z]+ ok installed/ { installed[name] = 1 }
    END {
      for (i = 1; i <= total; i++) {
        names = split(cell[i, 2], alternative, "|")
        found = ""
        for (j = 1; j <= names; j++) if (alternative[j] in installed) found = found (found == "" ? "" : ", ") alternative[j] " installed"
        wanted = cell[i, 3] == "present"
        emit(cell[i, 1], (found != "") == wanted ? "pass" : "fail", cell[i, 2] " " (wanted ? "installed" : "not installed"), found == "" ? "not installed" : found)
      }
    }' "$ROOT/var/lib/dpkg/status"
else
  every_row error 'the database of dpkg can not be read'
fi
