# shellcheck shell=sh disable=SC2016
if files_readable; then
  # The whole file counts: a line too much is as wrong as one that is missing.
  rows '
    BEGIN {
      load()
      for (i = 1; i <= total; i++) {
        file = cell[i, 2]
        if (!(file in first)) { first[file] = i; order[++files] = i }
        wanted[file] = wanted[file] cell[i, 5] "\n"
      }
      for (n = 1; n <= files; n++) {
        i = order[n]
        file = cell[i, 2]
        path = ENVIRON["ROOT"] file
        content = ""
        while ((got = (getline text < path)) > 0) {
          if (text == "" || (cell[i, 4] != "none" && index(text, cell[i, 4]) == 1)) continue
          content = content text "\n"
        }
        close(path)
        expected = file ": our lines"
        if (got < 0) emit(cell[i, 1], "fail", expected, file " is not there")
        else if (content == wanted[file]) emit(cell[i, 1], "pass", expected, expected)
        else emit(cell[i, 1], "fail", expected, file " has other lines: " substr(content, 1, 60))
      }
    }'
else
  every_row error "$UNREADABLE can not be read"
fi
