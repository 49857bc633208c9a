#!/bin/sh
# Upgrades the guest, installs and removes packages, stamps the image's name and version. Runs as root in the build machine.
IMAGE='debian-13'
CODENAME='trixie'
PACKAGES='apparmor auditd cracklib-runtime curl kmod less libpam-modules libpam-pwquality libpam-runtime logrotate nftables openssh-server sudo systemd-timesyncd vim-tiny'
UNWANTED='atftpd avahi-daemon cups cups-daemon ftpd inetutils-ftpd inetutils-inetd inetutils-talk inetutils-talkd inetutils-telnet inetutils-telnetd nis openbsd-inetd prelink proftpd-core pure-ftpd rpcbind rsh-client rsh-redone-client rsh-redone-server rsh-server snmpd talk talkd telnet telnet-ssl telnetd telnetd-ssl tftpd tftpd-hpa vsftpd xinetd xserver-common xserver-xorg-core ypbind-mt ypserv'
# --- no value is rendered below this line ---
set -eu

say() { echo "mintmark: $*"; }

say "waiting for cloud-init"
# 2 is "done, with recoverable errors"; what they were is in the log, and the test stage judges the released image anyway.
cloud-init status --wait >/dev/null || [ $? -eq 2 ]

# The mirror is for this build alone: it lives on tmpfs and is gone with the reboot.
mkdir -p /run/mintmark
SIGNED='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
{
  echo "deb $SIGNED $MINTMARK_ARCHIVE_MIRROR $CODENAME main"
  echo "deb $SIGNED $MINTMARK_ARCHIVE_MIRROR $CODENAME-updates main"
  echo "deb $SIGNED $MINTMARK_SECURITY_MIRROR $CODENAME-security main"
} >/run/mintmark/sources.list
{
  echo 'Dir::Etc::sourcelist "/run/mintmark/sources.list";'
  echo 'Dir::Etc::sourceparts "/dev/null";'
  echo 'Acquire::Languages "none";'
  echo 'Acquire::Check-Valid-Until "true";'
  echo 'Acquire::Retries "3";'
  echo 'APT::Install-Recommends "false";'
  echo 'DPkg::Lock::Timeout "120";'
  echo 'Dpkg::Options { "--force-confdef"; "--force-confold"; };'
  if [ -n "$MINTMARK_HTTP_PROXY" ]; then echo "Acquire::http::Proxy \"$MINTMARK_HTTP_PROXY\";"; fi
} >/run/mintmark/apt.conf
export APT_CONFIG=/run/mintmark/apt.conf DEBIAN_FRONTEND=noninteractive

say "reading the package lists"
apt-get -q update
say "upgrading all packages"
apt-get -q -y full-upgrade
if [ -n "$PACKAGES" ]; then
  # shellcheck disable=SC2086 # a list of package names, checked by the schema
  set -- $PACKAGES
  say "installing $# packages"
  apt-get -q -y install "$@"
fi
if [ -n "$UNWANTED" ]; then
  # Only what is there: purging an unknown name is an error to apt.
  present=
  # shellcheck disable=SC2086
  for package in $UNWANTED; do
    if dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -q installed; then present="$present $package"; fi
  done
  if [ -n "$present" ]; then
    say "removing$present"
    # shellcheck disable=SC2086
    apt-get -q -y purge $present
  fi
fi
apt-get -q -y --purge autoremove

say "stamping $IMAGE $MINTMARK_VERSION"
sed -i '/^IMAGE_ID=/d;/^IMAGE_VERSION=/d' /usr/lib/os-release
printf 'IMAGE_ID=%s\nIMAGE_VERSION=%s\n' "$IMAGE" "$MINTMARK_VERSION" >>/usr/lib/os-release
