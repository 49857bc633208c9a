# shellcheck shell=sh disable=SC2016
paths=''
set --
row=0
while IFS=$TAB read -r id path _; do
  [ -n "$id" ] || continue
  row=$((row + 1))
  IFS=
  # shellcheck disable=SC2086 # the path may be a pattern
  for file in $ROOT$path; do
    state "$file"
    if [ -L "$file" ] || [ "$STATE" = absent ]; then
      paths="$paths$row${TAB}absent$TAB$file
"
    elif [ -e "$file" ]; then
      paths="$paths$row${TAB}there$TAB$file
"
      set -- "$@" "$file"
    else
      paths="$paths$row${TAB}unknown$TAB$file
"
    fi
  done
  unset IFS
done <<EOF
$ITEMS
EOF
# The last line is the folder itself: when root does not own it, the copy was made without owners and they say nothing.
stat --printf '%a\t%u\t%g\t%n\n' "$@" "$ROOT/" | PATHS=$paths rows '
  function both(a, b,  out, bit) {
    for (bit = 1; bit <= 4; bit *= 2) if (int(a / bit) % 2 && int(b / bit) % 2) out += bit
    return out + 0
  }
  function beyond(mode, limit,  i) {
    mode = substr("0000" mode, length(mode) + 1)
    limit = substr("0000" limit, length(limit) + 1)
    for (i = 1; i <= 4; i++) if (both(substr(mode, i, 1), substr(limit, i, 1)) != substr(mode, i, 1) + 0) return 1
    return substr(limit, 1, 1) == 1 && substr(mode, 1, 1) % 2 == 0
  }
  function named(names, id) { return (id in names) ? names[id] : id }
  BEGIN {
    load()
    FS = "\t"
    root = ENVIRON["ROOT"]
    while ((getline text < (root "/etc/passwd")) > 0) { split(text, part, ":"); if (!(part[3] in user)) user[part[3]] = part[1] }
    while ((getline text < (root "/etc/group")) > 0) { split(text, part, ":"); if (!(part[3] in group)) group[part[3]] = part[1] }
    if (!(0 in user)) user[0] = "root"
    if (!(0 in group)) group[0] = "root"
  }
  { split($0, part, "\t"); mode[part[4]] = part[1]; uid[part[4]] = part[2]; gid[part[4]] = part[3] }
  END {
    owners = uid[root "/"] == 0
    lines = split(ENVIRON["PATHS"], line, "\n")
    for (n = 1; n <= lines; n++) {
      if (line[n] == "") continue
      split(line[n], part, "\t")
      i = part[1]
      path = part[3]
      shown = substr(path, length(root) + 1)
      expected = cell[i, 2] " at most " cell[i, 3] (owners ? " " cell[i, 4] ":" cell[i, 5] : "")
      if (part[2] == "absent") { emit(cell[i, 1], "notapplicable", expected, shown " is not there"); continue }
      if (part[2] == "unknown" || !(path in mode)) { emit(cell[i, 1], "error", expected, shown " can not be looked at"); continue }
      right = !beyond(mode[path], cell[i, 3])
      found = shown " " mode[path]
      if (owners) {
        groups = split(cell[i, 5], name, "|")
        in_group = 0
        for (j = 1; j <= groups; j++) if (named(group, gid[path]) == name[j]) in_group = 1
        right = right && named(user, uid[path]) == cell[i, 4] && in_group
        found = found " " named(user, uid[path]) ":" named(group, gid[path])
      }
      emit(cell[i, 1], right ? "pass" : "fail", expected, found)
    }
  }'
