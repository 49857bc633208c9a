# shellcheck shell=sh disable=SC2016
# passwd and shadow are rewritten only where an account breaks a rule. Accounts for people are left alone, but for empty passwords.
rules=$(printf '%s\n' "$ITEMS" | cut -f 2)
case $rules in
  *system-nologin*)
    awk -F : -v OFS=: '
      $1 != "root" && $1 != "sync" && $3 < 1000 && $7 !~ /\/(nologin|false)$/ { $7 = "/usr/sbin/nologin" }
      { print }' "$ROOT/etc/passwd" | edit /etc/passwd
    ;;
esac
if [ -f "$ROOT/etc/shadow" ]; then
  RULES=$rules awk -F : -v OFS=: '
    BEGIN { locked = index(ENVIRON["RULES"], "root-locked") > 0; empty = index(ENVIRON["RULES"], "no-empty-password") > 0 }
    locked && $1 == "root" && $2 !~ /^[!*]/ { $2 = "!*" }
    empty && $2 == "" { $2 = "!" }
    { print }' "$ROOT/etc/shadow" | edit /etc/shadow
fi
