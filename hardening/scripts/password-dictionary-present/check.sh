# shellcheck shell=sh disable=SC2016
# The list itself: there and not empty.
path=$(printf '%s' "$ITEMS" | cut -f 2)
state "$ROOT$path"
if [ "$STATE" = unreadable ]; then
  every_row error "$path can not be read"
elif [ -s "$ROOT$path" ]; then
  every_row pass "$path"
else
  every_row fail "$path is missing or empty"
fi
