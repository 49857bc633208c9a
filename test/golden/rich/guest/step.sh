#!/bin/sh
# Runs one script of the definition as root, with a clean environment.
IMAGE='rich'
STEPS='0	scripts/enroll.sh
1	playbooks/motd/site.yml
2	scripts/plain.py'
# --- no value is rendered below this line ---
set -eu
tab=$(printf '\t')

name='?'
count=0
while IFS="$tab" read -r index source; do
  count=$((count + 1))
  if [ "$index" = "$MINTMARK_STEP" ]; then name=$source; fi
done <<EOT
$STEPS
EOT
label="step $((MINTMARK_STEP + 1)) of $count ($name)"
echo "mintmark: $label"

# /run and /var/tmp may be mounted noexec; root's home is not.
script=/root/.mintmark-step
trap 'rm -rf "$script" /run/mintmark/secrets' EXIT
install -m 0700 -o root -g root "/var/tmp/content/steps/$MINTMARK_STEP" "$script"
set -- PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
  DEBIAN_FRONTEND=noninteractive APT_CONFIG=/run/mintmark/apt.conf \
  MINTMARK_IMAGE="$IMAGE" MINTMARK_VERSION="$MINTMARK_VERSION"
if [ -n "$MINTMARK_HTTP_PROXY" ]; then
  set -- "$@" http_proxy="$MINTMARK_HTTP_PROXY" https_proxy="$MINTMARK_HTTP_PROXY"
fi
if [ -d /run/mintmark/secrets ]; then
  chown -R root:root /run/mintmark/secrets
  chmod 0600 /run/mintmark/secrets/*
  set -- "$@" MINTMARK_SECRETS=/run/mintmark/secrets
fi
status=0
cd /root
env -i "$@" "$script" </dev/null || status=$?
if [ "$status" -ne 0 ]; then
  echo "$label ended with exit code $status"
  exit 1
fi
