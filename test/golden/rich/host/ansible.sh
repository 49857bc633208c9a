#!/bin/sh
# Runs one playbook against the build machine. The only script of the bundle that runs on the host: as the user who builds.
IMAGE='rich'
# --- no value is rendered below this line ---
set -eu

echo "mintmark: $MINTMARK_STEP"
mkdir -p "$MINTMARK_FOLDER"
inventory=$MINTMARK_FOLDER/inventory
printf '%s ansible_host=%s ansible_port=%s ansible_user=%s\n' "$IMAGE" "$MINTMARK_HOST" "$MINTMARK_PORT" "$MINTMARK_USER" >"$inventory"

# Nothing of the user's own ansible counts: no configuration, no collections, no plugins.
printf '[defaults]\n' >"$MINTMARK_FOLDER/ansible.cfg"
export ANSIBLE_CONFIG="$MINTMARK_FOLDER/ansible.cfg" ANSIBLE_HOME="$MINTMARK_FOLDER" ANSIBLE_LOCAL_TEMP="$MINTMARK_FOLDER/tmp"
export ANSIBLE_STDOUT_CALLBACK=default ANSIBLE_RETRY_FILES_ENABLED=false ANSIBLE_NOCOLOR=true
export ANSIBLE_PRIVATE_KEY_FILE="$MINTMARK_KEY" ANSIBLE_BECOME=true ANSIBLE_BECOME_METHOD=sudo ANSIBLE_PIPELINING=true ANSIBLE_TIMEOUT=60
export ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3
# A machine that lives for one build: its host key is known to nobody, and only this host's loopback reaches it.
export ANSIBLE_HOST_KEY_CHECKING=false
export ANSIBLE_SSH_ARGS='-F /dev/null -o ControlMaster=no -o IdentitiesOnly=yes -o IdentityAgent=none -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'

status=0
ansible-playbook --inventory "$inventory" \
  --extra-vars "mintmark_image=$IMAGE mintmark_version=$MINTMARK_VERSION mintmark_secrets=/run/mintmark/secrets" \
  "$MINTMARK_BUNDLE/$MINTMARK_PLAYBOOK" </dev/null || status=$?
[ "$status" -eq 0 ] || echo "$MINTMARK_STEP ended with exit code $status"
exit "$status"
