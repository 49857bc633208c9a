# shellcheck shell=sh disable=SC2016
# The build installs and removes packages before (it asks for the same controls); here it is only made sure.
installed=$("installed_$MANAGER")
if [ -n "$installed" ]; then
  INSTALLED=$installed ITEMS=$ITEMS awk '
    BEGIN {
      lines = split(ENVIRON["INSTALLED"], line, "\n")
      for (i = 1; i <= lines; i++) installed[line[i]] = 1
      lines = split(ENVIRON["ITEMS"], line, "\n")
      for (i = 1; i <= lines; i++) {
        if (split(line[i], part, "\t") < 3) continue
        names = split(part[2], name_of, "|")
        there = 0
        for (j = 1; j <= names; j++) if (name_of[j] in installed) there = 1
        if (there != (part[3] == "present")) {
          printf "harden: package %s must be %s (control %s)\n", part[2], part[3], part[1] > "/dev/stderr"
          wrong = 1
        }
      }
      exit wrong
    }'
fi
