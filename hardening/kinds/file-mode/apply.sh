# shellcheck shell=sh disable=SC2016
# A mode is a limit: bits beyond it are taken away, missing ones are not given (but the sticky bit is). Owners need root.
uid=$(id -u)
limits=$(
  printf '%s\n' "$ITEMS" | while IFS=$TAB read -r id path mode owner group; do
    [ -n "$id" ] || continue
    IFS=
    # shellcheck disable=SC2086 # the path may be a pattern
    set -- $ROOT$path
    unset IFS
    for file in "$@"; do
      if [ -e "$file" ] && [ ! -L "$file" ]; then
        stat --printf '%a\t%u\t%g\t%n\t' "$file"
        printf '%s\t%s\t%s\n' "$mode" "$owner" "$group"
      fi
    done
  done
)
printf '%s\n' "$limits" | PASSWD=$ROOT/etc/passwd GROUP=$ROOT/etc/group awk -F '\t' '
  function both(a, b,  out, bit) {
    for (bit = 1; bit <= 4; bit *= 2) if (int(a / bit) % 2 && int(b / bit) % 2) out += bit
    return out + 0
  }
  function masked(mode, limit,  i, out) {
    mode = substr("0000" mode, length(mode) + 1)
    limit = substr("0000" limit, length(limit) + 1)
    for (i = 1; i <= 4; i++) out = out both(substr(mode, i, 1), substr(limit, i, 1))
    return substr(limit, 1, 1) == 1 ? "1" substr(out, 2) : out
  }
  BEGIN {
    while ((getline line < ENVIRON["PASSWD"]) > 0) { split(line, part, ":"); user[part[1]] = part[3] }
    while ((getline line < ENVIRON["GROUP"]) > 0) { split(line, part, ":"); group[part[1]] = part[3] }
  }
  $0 != "" {
    wanted = masked($1, $5)
    if (substr("0000" $1, length($1) + 1) != wanted) print "chmod\t" wanted "\t" $4
    groups = split($7, name, "|")
    right = 0
    for (i = 1; i <= groups; i++) if (group[name[i]] == $3) right = 1
    if ($2 != user[$6] || !right) print "chown\t" user[$6] ":" group[name[1]] "\t" $4
  }' | while IFS=$TAB read -r verb value file; do
  [ "$verb" = chmod ] || [ "$uid" -eq 0 ] || continue
  "$verb" "$value" "$file"
done
