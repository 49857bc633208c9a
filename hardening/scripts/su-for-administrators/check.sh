# shellcheck shell=sh disable=SC2016
# /etc/pam.d/su: the line is there and nothing but pam_rootok lets anybody in before it.
if readable "$ROOT/etc/pam.d/su"; then
  rows '
    BEGIN {
      load()
      path = ENVIRON["ROOT"] "/etc/pam.d/su"
      while ((got = (getline text < path)) > 0) {
        text = squeeze(text)
        if (text ~ /^auth .*pam_wheel\.so/ && found == "") found = text
        if (text ~ /^auth sufficient/ && text !~ /pam_rootok/ && found == "") found = text " comes first"
      }
      if (got < 0) emit(cell[1, 1], "notapplicable", cell[1, 2], "there is no su")
      else judge(cell[1, 1], cell[1, 2], found == "" ? "no such line" : found)
    }'
else
  every_row error "$UNREADABLE can not be read"
fi
