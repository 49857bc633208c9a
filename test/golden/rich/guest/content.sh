#!/bin/sh
# Puts the definition's files in their places: after the packages, whose users and groups they may belong to.
FILES='0	0640	root	_chrony	/etc/corp/agent/corp.conf
1	0644	root	root	/etc/issue.net'
# --- no value is rendered below this line ---
set -eu
tab=$(printf '\t')

put() { # INDEX MODE USER GROUP PATH
  if ! getent passwd "$3" >/dev/null; then
    echo "$5 shall belong to user $3, who is not in the image"
    exit 1
  fi
  if ! getent group "$4" >/dev/null; then
    echo "$5 shall belong to group $4, which is not in the image"
    exit 1
  fi
  if [ -d "$5" ]; then
    echo "$5 shall be a file, and is a folder in the image"
    exit 1
  fi
  folder=${5%/*}
  [ -d "${folder:-/}" ] || install -d -m 0755 -o root -g root "$folder"
  install -m "$2" -o "$3" -g "$4" "/var/tmp/content/files/$1" "$5"
}

echo "mintmark: putting $(printf '%s\n' "$FILES" | wc -l) files in place"
while IFS="$tab" read -r index mode user group path; do
  put "$index" "$mode" "$user" "$group" "$path"
done <<EOT
$FILES
EOT
