# shellcheck shell=sh disable=SC2016
# -e makes the rules unchangeable until the next boot, so it must be the last one.
# Some distributions switch the audit off by a rule of their own, which would hide all of ours.
for file in "$ROOT"/etc/audit/rules.d/*.rules; do
  if [ -f "$file" ] && grep -qE '^[ \t]*-[aA] +(never,task|task,never)' "$file"; then
    sed -E 's/^[ \t]*(-[aA] +(never,task|task,never).*)$/# \1/' "$file" | edit "${file#"$ROOT"}"
  fi
done
for part in rules finalize; do
  {
    printf '# %s\n' "$NOTE"
    printf '%s\n' "$ITEMS" | PART=$part awk -F '\t' '$0 != "" && ($2 ~ /^-e /) == (ENVIRON["PART"] == "finalize") { print $2 }'
  } | if [ "$part" = rules ]; then
    put /etc/audit/rules.d/50-mintmark.rules 0640
  else
    put /etc/audit/rules.d/99-mintmark-finalize.rules 0640
  fi
done
