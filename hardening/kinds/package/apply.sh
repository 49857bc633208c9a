# shellcheck shell=sh disable=SC2016
# The build installs and purges packages before (it asks for the same controls); here it is only made sure.
if [ -f "$ROOT/var/lib/dpkg/status" ]; then
  ITEMS=$ITEMS awk '
    $1 == "Package:" { name = $2 }
    /^Status: [a-z]+ ok installed/ { installed[name] = 1 }
    END {
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
    }' "$ROOT/var/lib/dpkg/status"
fi
