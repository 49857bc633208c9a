# shellcheck shell=sh disable=SC2016
# Styles: space `KEY value`, equals `KEY=value`, spaced `key = value`, flag `key` alone. The first active line of a key is
# rewritten in place, further ones go, a missing one is added at the end.
distinct 2 | while IFS= read -r file; do
  if [ ! -e "$ROOT$file" ]; then
    printf '# %s\n' "$NOTE" | put "$file" 0644
  fi
  ITEMS=$ITEMS FILE=$file awk '
    function line_of(i) {
      return style[i] == "space" ? key[i] "\t" value[i] : style[i] == "equals" ? key[i] "=" value[i] : style[i] == "flag" ? key[i] : key[i] " = " value[i]
    }
    BEGIN {
      lines = split(ENVIRON["ITEMS"], line, "\n")
      for (i = 1; i <= lines; i++) {
        if (split(line[i], part, "\t") < 5 || part[2] != ENVIRON["FILE"]) continue
        total++
        key[total] = part[3]
        style[total] = part[4]
        value[total] = part[5]
      }
    }
    {
      for (i = 1; i <= total; i++) {
        text = $0
        sub(/^[ \t]+/, "", text)
        if (index(text, key[i]) != 1) continue
        rest = substr(text, length(key[i]) + 1)
        if (rest !~ /^([ \t=]|$)/) continue
        if (!done[i]++) print line_of(i)
        next
      }
      print
    }
    END { for (i = 1; i <= total; i++) if (!done[i]) print line_of(i) }' "$ROOT$file" | edit "$file"
done
