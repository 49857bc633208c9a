# shellcheck shell=sh disable=SC2016
# One drop-in for each file; a drop-in wins over the file itself and over drop-ins that sort before it (Debian has syslog.conf).
distinct 2 | while IFS= read -r file; do
  {
    printf '# %s\n' "$NOTE"
    printf '%s\n' "$ITEMS" | WANTED=$file awk -F '\t' '
      $2 == ENVIRON["WANTED"] {
        if (!($3 in lines)) order[++sections] = $3
        lines[$3] = lines[$3] $4 "=" $5 "\n"
      }
      END { for (i = 1; i <= sections; i++) printf "[%s]\n%s", order[i], lines[order[i]] }'
  } | put "/etc/systemd/$file.d/zz-mintmark.conf" 0644
done
