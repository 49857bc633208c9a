#!/bin/sh
# Takes out of the image all that belongs to this one machine, but for the build's user: last.sh ends that and the machine.
set -eu

say() { echo "mintmark: $*"; }

say "sealing: caches, identities, logs, keys"
install -m 0700 -o root -g root /tmp/mintmark-last.sh /run/mintmark-last.sh

dnf -q clean all >/dev/null
# dnf leaves a file whose name begins with a dot.
for folder in /var/cache/dnf /var/cache/yum; do
  [ ! -d "$folder" ] || find "$folder" -mindepth 1 -delete
done
# Versions of configuration files that an upgrade put beside those in use.
find /etc -xdev -type f \( -name '*.rpmnew' -o -name '*.rpmsave' -o -name '*.rpmorig' \) -delete
# What cloud-init and NetworkManager wrote for the build machine, and who it was to its vendor.
grep -l 'Created by cloud-init' /etc/sysconfig/network-scripts/ifcfg-* /etc/NetworkManager/system-connections/* 2>/dev/null | xargs -r rm -f
rm -f /etc/NetworkManager/conf.d/*cloud-init*.conf /etc/pki/consumer/*.pem /etc/pki/entitlement/*.pem /etc/sysconfig/rhn/systemid \
  /etc/insights-client/machine-id
[ -L /etc/resolv.conf ] || : >/etc/resolv.conf
# What the build wrote gets the labels that the policy has for it: a wrong one locks a service out of its own file.
if command -v restorecon >/dev/null; then restorecon -RF /etc /root /usr/sbin /usr/local /var/lib /var/log || true; fi

rm -rf /var/cache/man/*

# Services that would write again on their way down are stopped before their state is removed.
systemctl stop systemd-timesyncd.service systemd-random-seed.service wtmpdb-update-boot.service 2>/dev/null || true
journalctl --relinquish-var >/dev/null 2>&1 || true
auditd=$(cat /run/auditd.pid 2>/dev/null || true)
if [ -n "$auditd" ]; then
  # auditd refuses a manual stop through systemd.
  auditctl -e 0 >/dev/null 2>&1 || true
  kill "$auditd" || true
  tries=0
  while kill -0 "$auditd" 2>/dev/null && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
fi

# Identity of this machine. cloud-init and systemd make new ones at an instance's first boot.
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
: >/etc/machine-id
echo localhost >/etc/hostname
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n' >/etc/hosts

# What cloud-init wrote for the build machine.
rm -rf /var/lib/cloud /etc/systemd/network/10-cloud-init-* /run/systemd/network/10-cloud-init-* /etc/netplan/50-cloud-init.yaml \
  /etc/ssh/sshd_config.d/50-cloud-init.conf /etc/cloud/cloud-init.disabled

# How the network was where the base and this build were made; systemd-resolved's package puts the resolv.conf that it found aside.
rm -f /etc/.resolv.conf.* /etc/resolvconf/resolv.conf.d/original /etc/udev/rules.d/*-persistent-net.rules \
  /var/lib/dhcp/*.leases /var/lib/dhcpcd/*.lease /var/lib/dhcpcd/duid /var/lib/dhcpcd/secret \
  /var/lib/NetworkManager/*.lease /var/lib/NetworkManager/secret_key

# Versions of configuration files that an upgrade put beside those in use.
find /etc -xdev -type f \( -name '*.dpkg-dist' -o -name '*.dpkg-old' -o -name '*.dpkg-new' -o -name '*.dpkg-bak' \
  -o -name '*.ucf-dist' -o -name '*.ucf-old' -o -name '*.ucf-new' \) -delete

rm -rf /root/.npm /root/.bundle/cache /root/.gradle/caches /root/.cargo/registry /root/.m2/repository /root/go/pkg
rm -rf /root/.ssh /root/.cache /root/.local /root/.config /root/.ansible /root/.mintmark-step /var/lib/sudo/lectured /var/mail/* /var/spool/mail/* /var/crash/* /var/lib/systemd/coredump/*
find /root /home -xdev -name '.*_history' -delete
find /root /home -xdev \( -name '.lesshst' -o -name '.viminfo' -o -name '.wget-hsts' -o -name '.sudo_as_admin_successful' \) -delete

# Holds inode numbers and times of this one disk; ldconfig makes it anew.
rm -f /var/cache/ldconfig/aux-cache

# Logs go, their folders stay with their owners and modes.
rm -rf /var/log/journal/* /var/log/installer
find /var/log -type f -delete
rm -rf /var/lib/wtmpdb/* /var/lib/lastlog/* /var/lib/systemd/timesync/clock /var/lib/logrotate/status /var/tmp/*
find /tmp -xdev -mindepth 1 -delete
