# shellcheck shell=sh disable=SC2016
if files_readable; then
  rows '
    BEGIN {
      load()
      for (i = 1; i <= total; i++) {
        key = cell[i, 3]
        flag = cell[i, 4] == "flag"
        expected = key (flag ? "" : " " cell[i, 5])
        path = ENVIRON["ROOT"] cell[i, 2]
        found = ""
        read = 0
        while ((got = (getline text < path)) > 0) {
          read = 1
          text = trim(text)
          if (index(text, key) != 1) continue
          rest = substr(text, length(key) + 1)
          if (rest !~ /^([ \t=]|$)/) continue
          sub(/^[ \t]*=?[ \t]*/, "", rest)
          found = key (flag ? "" : " " squeeze(rest))
        }
        close(path)
        if (got < 0) emit(cell[i, 1], "fail", expected, cell[i, 2] " is not there")
        else emit(cell[i, 1], tolower(found) == tolower(expected) ? "pass" : "fail", expected, (found == "" ? key " is not set" : found) " (" cell[i, 2] ")")
      }
    }'
else
  every_row error "$UNREADABLE can not be read"
fi
