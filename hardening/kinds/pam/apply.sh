# shellcheck shell=sh disable=SC2016
# Profiles for pam-auth-update, which writes the common-* files; they are never edited. A profile `mintmark-X` takes the place
# of the distribution's X; one without that prefix is the distribution's own and is only enabled.
enable=''
disable=''
for profile in $(distinct 2); do
  enable="$enable $profile"
  case $profile in
    mintmark-*)
      [ ! -f "$ROOT/usr/share/pam-configs/${profile#mintmark-}" ] || disable="$disable ${profile#mintmark-}"
      printf '%s\n' "$ITEMS" | WANTED=$profile awk -F '\t' '
        $2 == ENVIRON["WANTED"] {
          priority = $3
          if (!($4 in lines)) order[++sections] = $4
          lines[$4] = lines[$4] "\t" $5 "\n"
        }
        END {
          printf "Name: %s\nDefault: no\nPriority: %s\n", ENVIRON["WANTED"], priority
          for (i = 1; i <= sections; i++) {
            section = order[i]
            base = section
            sub(/-Initial$/, "", base)
            if (!typed[base]++) printf "%s-Type: %s\n", base, base ~ /^Session/ ? "Additional" : "Primary"
            printf "%s:\n%s", section, lines[section]
          }
        }' | put "/usr/share/pam-configs/$profile" 0644
      ;;
    *)
      [ -f "$ROOT/usr/share/pam-configs/$profile" ] || ! live || die "the PAM profile $profile is not installed"
      ;;
  esac
done
# A module that is named and not there locks everybody out.
for module in $(printf '%s\n' "$ITEMS" | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^pam_[a-z0-9_]+\.so$/ && !seen[$i]++) print $i }'); do
  there=''
  for file in "$ROOT"/usr/lib/*/security/"$module" "$ROOT"/lib/*/security/"$module"; do
    [ ! -f "$file" ] || there=yes
  done
  [ -n "$there" ] || ! live || die "the PAM module $module is not installed"
done
# pam-auth-update rewrites its own files at each call, so it is called only when a line is missing or pam_unix is there twice.
current=$(
  for section in auth account password session; do
    [ ! -f "$ROOT/etc/pam.d/common-$section" ] || awk -v section="$section" '
      $1 == section { $1 = ""; gsub(/success=(end|[0-9]+)/, "success=N"); gsub(/[ \t]+/, " "); sub(/ $/, ""); print section $0 }' "$ROOT/etc/pam.d/common-$section"
  done
)
missing=$(
  printf '%s\n' "$ITEMS" | CURRENT=$current awk -F '\t' '
    BEGIN {
      lines = split(ENVIRON["CURRENT"], line, "\n")
      for (i = 1; i <= lines; i++) { there[line[i]] = 1; if (line[i] ~ /pam_unix\.so/) { split(line[i], part, " "); if (unix[part[1]]++) print "pam_unix twice" } }
    }
    $0 != "" && $4 !~ /-Initial$/ {
      gsub(/success=(end|[0-9]+)/, "success=N", $5)
      if (!((tolower($4) " " $5) in there)) print $5
    }'
)
if [ -z "$missing" ]; then
  exit 0
fi
if live; then
  # shellcheck disable=SC2086 # words, each of them without spaces
  DEBIAN_FRONTEND=noninteractive pam-auth-update --enable $enable ${disable:+--disable $disable}
elif [ "$(id -u)" -eq 0 ] && [ -x "$ROOT/usr/sbin/pam-auth-update" ]; then
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive chroot "$ROOT" pam-auth-update --enable $enable ${disable:+--disable $disable}
fi
