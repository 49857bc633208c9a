#!/bin/sh
# Upgrades the guest, installs and removes packages, stamps the image's name and version. Runs as root in the build machine.
IMAGE='debian-13'
CODENAME='trixie'
PACKAGES='apparmor auditd cracklib-runtime curl kmod less libpam-modules libpam-pwquality libpam-runtime logrotate nftables openssh-server sudo systemd-timesyncd vim-tiny'
UNWANTED='atftpd avahi-daemon cups cups-daemon ftpd inetutils-ftpd inetutils-inetd inetutils-talk inetutils-talkd inetutils-telnet inetutils-telnetd nis openbsd-inetd prelink proftpd-core pure-ftpd rpcbind rsh-client rsh-redone-client rsh-redone-server rsh-server snmpd talk talkd telnet telnet-ssl telnetd telnetd-ssl tftpd tftpd-hpa vsftpd xinetd xserver-common xserver-xorg-core ypbind-mt ypserv'
REPOS=''
CERTIFICATES=''
# --- no value is rendered below this line ---
set -eu
tab=$(printf '\t')

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
  # Without this, a list that can't be had is a warning and an old image.
  echo 'APT::Update::Error-Mode "any";'
  echo 'APT::Install-Recommends "false";'
  echo 'DPkg::Lock::Timeout "120";'
  echo 'Dpkg::Options { "--force-confdef"; "--force-confold"; };'
  if [ -n "$MINTMARK_HTTP_PROXY" ]; then echo "Acquire::http::Proxy \"$MINTMARK_HTTP_PROXY\";"; fi
  # What the build machine's own host serves is no business of a proxy.
  echo 'Acquire::http::Proxy::10.0.2.2 "DIRECT";'
} >/run/mintmark/apt.conf
export APT_CONFIG=/run/mintmark/apt.conf DEBIAN_FRONTEND=noninteractive

say "reading the package lists"
apt-get -q update
say "upgrading all packages"
apt-get -q -y full-upgrade

# The team's own: first who is trusted, then the repositories, whose addresses may need that trust.
if [ -n "$CERTIFICATES" ] || [ -n "$REPOS" ]; then
  case " $PACKAGES " in *" ca-certificates "*) apt-get -q -y install ca-certificates ;; esac
fi
if [ -n "$CERTIFICATES" ]; then
  say "trusting the team's certificates"
  while IFS="$tab" read -r index name; do
    install -D -m 0644 -o root -g root "/var/tmp/content/certificates/$index" "/usr/local/share/ca-certificates/$name.crt"
  done <<EOT
$CERTIFICATES
EOT
  update-ca-certificates
fi

# NAME URL: the address that this build reads a repository from; the image keeps the definition's.
address() {
  for pair in $MINTMARK_REPO_MIRRORS; do
    if [ "${pair%%=*}" = "$1" ]; then
      echo "${pair#*=}"
      return
    fi
  done
  echo "$2"
}

if [ -n "$REPOS" ]; then
  while IFS="$tab" read -r index name suite url components; do
    say "adding the repository $name"
    key=/usr/share/keyrings/mintmark-$name.gpg
    sources=/etc/apt/sources.list.d/$name.sources
    if [ -e "$sources" ] && ! grep -q '^Signed-By: /usr/share/keyrings/mintmark-' "$sources"; then
      echo "the repository $name needs another name: the image has $sources already"
      exit 1
    fi
    install -D -m 0644 -o root -g root "/var/tmp/content/keys/$index" "$key"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n' "$url" "$suite" "$components" "$key" >"$sources"
    chmod 0644 "$sources"
    echo "deb [signed-by=$key] $(address "$name" "$url") $suite $components" >>/run/mintmark/sources.list
  done <<EOT
$REPOS
EOT
  say "reading the team's package lists"
  apt-get -q update
fi
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
