# shellcheck shell=sh disable=SC2016
# The lines of a path are the whole file. `comment` is the word that starts a comment there, or none for a file without.
distinct 2 | while IFS= read -r path; do
  row=$(printf '%s\n' "$ITEMS" | WANTED=$path awk -F '\t' '$2 == ENVIRON["WANTED"] { print $3 "\t" $4; exit }')
  {
    [ "${row#*"$TAB"}" = none ] || printf '%s %s\n' "${row#*"$TAB"}" "$NOTE"
    printf '%s\n' "$ITEMS" | WANTED=$path awk -F '\t' '$2 == ENVIRON["WANTED"] { print $5 }'
  } | put "$path" "${row%"$TAB"*}"
done
