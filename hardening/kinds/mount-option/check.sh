# shellcheck shell=sh disable=SC2016
table=$ROOT/etc/fstab
[ "$PHASE" = sealed ] || table=/proc/self/mounts
if readable "$table"; then
  rows '
    BEGIN {
      load()
      path = ENVIRON["PHASE"] == "running" ? "/proc/self/mounts" : ENVIRON["ROOT"] "/etc/fstab"
      # Of two mounts over each other the later one counts.
      while ((getline line < path) > 0) if (line !~ /^[ \t]*#/ && split(line, part, " ") >= 4) has[part[2]] = "," part[4] ","
      for (i = 1; i <= total; i++) {
        point = cell[i, 2]
        options = split(cell[i, 5], option, ",")
        expected = point
        missing = ""
        for (j = 1; j <= options; j++) {
          if (option[j] !~ /^(nosuid|nodev|noexec|ro)$/) continue
          expected = expected " " option[j]
          if (!index(has[point], "," option[j] ",")) missing = missing " " option[j]
        }
        if (!(point in has) || has[point] == "") emit(cell[i, 1], "fail", expected, point " is not a mount of its own")
        else emit(cell[i, 1], missing == "" ? "pass" : "fail", expected, missing == "" ? expected : point " lacks" missing)
      }
    }'
else
  every_row error "$UNREADABLE can not be read"
fi
