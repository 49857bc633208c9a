# shellcheck shell=sh disable=SC2016
if readable "$ROOT/etc/pam.d/common-auth" "$ROOT/etc/pam.d/common-account" "$ROOT/etc/pam.d/common-password" "$ROOT/etc/pam.d/common-session"; then
  # The stack must have the line, on the right side of pam_unix (by the profile priority; pam_unix has 256), and no second
  # pam_unix line of another spelling, which would let in what the first one refuses.
  rows '
    function plain(text) {
      text = squeeze(text)
      gsub(/success=(end|[0-9]+)/, "success=N", text)
      return text
    }
    function module_of(text) { return match(text, /pam_[a-z0-9_]+\.so/) ? substr(text, RSTART, RLENGTH) : "" }
    BEGIN {
      load()
      for (i = 1; i <= total; i++) {
        section = tolower(cell[i, 4])
        if (section ~ /-initial$/) continue
        file = "common-" section
        path = ENVIRON["ROOT"] "/etc/pam.d/" file
        wanted = plain(cell[i, 5])
        module = module_of(wanted)
        at = unix_at = number = 0
        other = ""
        while ((got = (getline text < path)) > 0) {
          text = trim(text)
          if (text !~ ("^" section "[ \t]")) continue
          sub(/^[a-z]+[ \t]+/, "", text)
          text = plain(text)
          number++
          if (text == wanted && !at) at = number
          if (text ~ /pam_unix\.so/ && !unix_at) unix_at = number
          if (module_of(text) == module && text != wanted && (module == "pam_unix.so" || !at)) other = text
        }
        close(path)
        expected = file ": " cell[i, 5]
        if (got < 0) emit(cell[i, 1], "fail", expected, file " is not there")
        else if (module == "pam_unix.so" && other != "") emit(cell[i, 1], "fail", expected, other)
        else if (!at) emit(cell[i, 1], "fail", expected, other == "" ? "no such line" : other)
        else if (section != "session" && unix_at && cell[i, 3] > 256 && at > unix_at) emit(cell[i, 1], "fail", expected, "stands after pam_unix")
        else if (section != "session" && unix_at && cell[i, 3] < 256 && at < unix_at) emit(cell[i, 1], "fail", expected, "stands before pam_unix")
        else emit(cell[i, 1], "pass", expected, "line " at " of " file)
      }
    }'
else
  every_row error "$UNREADABLE can not be read"
fi
