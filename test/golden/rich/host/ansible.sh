#!/bin/sh
# Runs one playbook against the build machine. The only script of the bundle that runs on the host: as the user who builds.
IMAGE='rich'
# --- no value is rendered below this line ---
set -eu

# Credentials are for what builds the machine, not for a playbook and its lookups.
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_EC2_METADATA_DISABLED

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
# A machine that lives for one build: its host key is known to nobody. Packer logs in to it so, too.
export ANSIBLE_HOST_KEY_CHECKING=false
export ANSIBLE_SSH_ARGS='-F /dev/null -o ControlMaster=no -o IdentitiesOnly=yes -o IdentityAgent=none -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'

status=0
ansible-playbook --inventory "$inventory" \
  --extra-vars "mintmark_image=$IMAGE mintmark_version=$MINTMARK_VERSION mintmark_secrets=/run/mintmark/secrets" \
  "$MINTMARK_BUNDLE/$MINTMARK_PLAYBOOK" </dev/null || status=$?
[ "$status" -eq 0 ] || echo "$MINTMARK_STEP ended with exit code $status"
exit "$status"
