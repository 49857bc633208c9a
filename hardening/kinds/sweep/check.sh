# shellcheck shell=sh disable=SC2016
# One walk over the image's own file systems: the root's, and those that its fstab names; what is mounted besides is not ours.
set -- "$ROOT/"
format='%y\t%m\t%U\t%G\t/%P\n'
if [ -z "$ROOT" ]; then
  format='%y\t%m\t%U\t%G\t%p\n'
  points=$(awk '$1 !~ /^#/ && $2 != "/" && $3 ~ /^(ext[234]|xfs|btrfs)$/ { print $2 }' /etc/fstab 2>/dev/null)
  for point in $points; do
    [ ! -d "$point" ] || set -- "$@" "$point"
  done
fi
if listing=$(
  find "$@" -xdev \( -path "$ROOT/proc" -o -path "$ROOT/sys" -o -path "$ROOT/dev" -o -path "$ROOT/run" \) -prune \
    -o -printf "$format" 2>&1 | awk -F '\t' '
      # Only what a rule may ask about goes on: a line for the folder itself, what all can write, each owner once.
      NF < 5 { print "!\t" $0; exit }
      $5 == "/" { print }
      $1 == "f" && substr($2, length($2)) ~ /[2367]/ { print }
      $1 == "d" && substr($2, length($2)) ~ /[2367]/ && $2 !~ /^[1357][0-7][0-7][0-7]$/ { print }
      !seen[$3 ":" $4]++ { print "owner\t" $3 "\t" $4 "\t" $5 }'
); then
  printf '%s\n' "$listing" | rows '
    function add(list, word) { return length(list) > 200 ? list : list (list == "" ? "" : " ") word }
    function verdict(id, expected, bad) { emit(id, bad == "" ? "pass" : "fail", expected, bad == "" ? "none" : bad) }
    BEGIN {
      load()
      root = ENVIRON["ROOT"]
      while ((getline line < (root "/etc/passwd")) > 0) { split(line, part, ":"); user[part[3]] = 1 }
      while ((getline line < (root "/etc/group")) > 0) { split(line, part, ":"); group[part[3]] = 1 }
      owners = 1
    }
    {
      split($0, part, "\t")
      if (part[1] == "!") { broken = part[2]; next }
      if (part[1] == "owner") { if (!(part[2] in user) || !(part[3] in group)) unowned = add(unowned, part[4]); next }
      if (part[5] == "/") { owners = part[3] == 0; if (part[1] == "d") next }
      if (part[1] == "f") files = add(files, part[5])
      if (part[1] == "d") folders = add(folders, part[5])
    }
    END {
      for (i = 1; i <= total; i++) {
        id = cell[i, 1]
        rule = cell[i, 2]
        if (broken != "") emit(id, "error", rule, broken)
        else if (rule == "world-writable-files") verdict(id, "no file that all can write", files)
        else if (rule == "sticky-folders") verdict(id, "no folder for all without the sticky bit", folders)
        else if (rule == "unowned" && !owners) emit(id, "notapplicable", "no file without an owner", "this copy was made without owners")
        else if (rule == "unowned") verdict(id, "no file without an owner", unowned)
        else emit(id, "error", rule, "unknown rule")
      }
    }'
else
  every_row error 'the files can not be listed'
fi
