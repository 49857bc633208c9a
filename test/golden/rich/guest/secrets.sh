#!/bin/sh
# The folder for the secrets of one step: on tmpfs, of the login user while Packer uploads into it. It is gone before the next step.
LOGIN_USER='debian'
# --- no value is rendered below this line ---
set -eu

rm -rf /run/mintmark/secrets
if [ "$MINTMARK_SECRETS" = open ]; then
  type=$(stat --file-system --format=%T /run/mintmark)
  if [ "$type" != tmpfs ]; then
    echo "secrets need a tmpfs at /run, found $type"
    exit 1
  fi
  install -d -m 0700 -o "$LOGIN_USER" /run/mintmark/secrets
fi
