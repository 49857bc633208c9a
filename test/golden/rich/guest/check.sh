#!/bin/sh
# Facts for the gate: a control that fails does not stop the build.
set -eu
echo "mintmark: checking the controls in the rebooted system"
status=0
/usr/sbin/mintmark-check --json >/tmp/mintmark-check.json || status=$?
# 1: some control failed. More: the check itself did not run.
[ "$status" -le 2 ]
dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n' | sed -n 's/^installed\t//p' | LC_ALL=C sort >/tmp/packages.tsv
chmod 0644 /tmp/mintmark-check.json /tmp/packages.tsv
