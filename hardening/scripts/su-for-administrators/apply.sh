# shellcheck shell=sh disable=SC2016
# su has a stack of its own, which neither pam-auth-update nor authselect writes. Root itself goes on by pam_rootok, which stands before.
if [ -f "$ROOT/etc/pam.d/su" ]; then
  WANTED=$(printf '%s' "$ITEMS" | cut -f 2) awk '
    $1 == "auth" && /pam_wheel\.so/ { next }
    { print }
    $1 == "auth" && /pam_rootok\.so/ && !done++ { print ENVIRON["WANTED"] }' "$ROOT/etc/pam.d/su" | edit /etc/pam.d/su
fi
