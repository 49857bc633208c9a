# shellcheck shell=sh disable=SC2016
# The kernel's own list of loaded profiles.
profiles=/sys/kernel/security/apparmor/profiles
if [ -r "$profiles" ]; then
  rows '
    BEGIN { load() }
    { loaded++ }
    / \(enforce\)$/ { enforced++ }
    END { emit(cell[1, 1], enforced > 0 ? "pass" : "fail", cell[1, 2], enforced + 0 " of " loaded + 0 " profiles enforce") }' "$profiles"
else
  every_row fail 'AppArmor is not on in this kernel'
fi
