# shellcheck shell=sh disable=SC2016
# The package manager's own database is the effective state, in a running machine and on a folder.
installed=$("installed_$MANAGER")
if [ -n "$installed" ]; then
  INSTALLED=$installed rows '
    BEGIN {
      load()
      lines = split(ENVIRON["INSTALLED"], line, "\n")
      for (i = 1; i <= lines; i++) installed[line[i]] = 1
      for (i = 1; i <= total; i++) {
        names = split(cell[i, 2], alternative, "|")
        found = ""
        for (j = 1; j <= names; j++) if (alternative[j] in installed) found = found (found == "" ? "" : ", ") alternative[j] " installed"
        wanted = cell[i, 3] == "present"
        emit(cell[i, 1], (found != "") == wanted ? "pass" : "fail", cell[i, 2] " " (wanted ? "installed" : "not installed"), found == "" ? "not installed" : found)
      }
    }'
else
  every_row error "the database of the package manager ($MANAGER) can not be read"
fi
