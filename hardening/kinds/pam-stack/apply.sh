# shellcheck shell=sh disable=SC2016
# A profile of our own for authselect, which writes the stacks; files that it has written are never edited. All but the
# stacks that ITEMS names is a link to the distribution's smallest profile.
profile=/etc/authselect/custom/mintmark
# A module that is named and not there locks everybody out.
for module in $(printf '%s\n' "$ITEMS" | awk -F '\t' '$3 !~ /^-/ && match($3, /pam_[a-z0-9_]+\.so/) { name = substr($3, RSTART, RLENGTH); if (!seen[name]++) print name }'); do
  [ -f "/usr/lib64/security/$module" ] || ! live || die "the PAM module $module is not installed"
done
if live && [ ! -d "$profile" ]; then
  authselect create-profile mintmark --base-on minimal --symlink-meta --symlink-nsswitch --symlink-dconf --symlink-pam >/dev/null
fi
active() { grep -v -e '^#' -e '^[[:space:]]*$' "$1" 2>/dev/null || :; }
differs=''
for service in $(distinct 2); do
  {
    printf '# %s\n' "$NOTE"
    printf '%s\n' "$ITEMS" | WANTED=$service awk -F '\t' '$2 == ENVIRON["WANTED"] { print $3 }'
  } | put "$profile/$service" 0644
  [ "$(active "$ROOT$profile/$service")" = "$(active "$ROOT/etc/pam.d/$service")" ] || differs=yes
done
# authselect writes its files at each call, so it is called only when a stack is another one.
if live && [ -n "$differs" ]; then
  authselect select custom/mintmark --force >/dev/null
fi
