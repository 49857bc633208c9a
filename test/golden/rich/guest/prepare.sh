#!/bin/sh
# Upgrades the guest, installs and removes packages, stamps the image's name and version. Runs as root in the build machine.
# shellcheck disable=SC2034 # one package manager does not use what another one needs
IMAGE='rich'
SOURCES='debian	http://deb.debian.org/debian	trixie	main
debian	http://deb.debian.org/debian	trixie-updates	main
debian-security	http://deb.debian.org/debian-security	trixie-security	main'
KEYRING='/usr/share/keyrings/debian-archive-keyring.gpg'
ORPHANS='removed'
OPTIONS=''
PACKAGES='apparmor auditd ca-certificates chrony corp-agent cracklib-runtime curl kmod libpam-modules libpam-pwquality libpam-runtime logrotate nftables openssh-server sudo'
UNWANTED='atftpd avahi-daemon cups cups-daemon ftpd inetutils-ftpd inetutils-inetd inetutils-talk inetutils-talkd inetutils-telnet inetutils-telnetd nis openbsd-inetd prelink proftpd-core pure-ftpd rpcbind rsh-client rsh-redone-client rsh-redone-server rsh-server snmpd talk talkd telnet telnet-ssl telnetd telnetd-ssl tftpd tftpd-hpa vsftpd xinetd xserver-common xserver-xorg-core ypbind-mt ypserv'
REPOS='0	corp	trixie	https://apt.corp.example/debian	main agents'
CERTIFICATES='0	corp-roots
1	corp-roots.2'
# --- no value is rendered below this line ---
set -eu
tab=$(printf '\t')

say() { echo "mintmark: $*"; }

say "waiting for cloud-init"
# 2 is "done, with recoverable errors"; what they were is in the log, and the test stage judges the released image anyway.
cloud-init status --wait >/dev/null || [ $? -eq 2 ]

mkdir -p /run/mintmark

# NAME URL: the address that this build reads a repository from; the image keeps the definition's.
address() {
  for pair in $MINTMARK_REPO_MIRRORS debian="$MINTMARK_ARCHIVE_MIRROR" debian-security="$MINTMARK_SECURITY_MIRROR"; do
    if [ "${pair%%=*}" = "$1" ] && [ -n "${pair#*=}" ]; then
      echo "${pair#*=}"
      return
    fi
  done
  echo "$2"
}

# apt. The mirror is for this build alone: it lives on tmpfs and is gone with the reboot.
while IFS="$tab" read -r name url suite components; do
  echo "deb [signed-by=$KEYRING] $(address "$name" "$url") $suite $components"
done >/run/mintmark/sources.list <<EOT
$SOURCES
EOT
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
# needrestart, where it is, must neither ask nor restart services under the build.
export APT_CONFIG=/run/mintmark/apt.conf DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l

ANCHORS=/usr/local/share/ca-certificates
trust_anchors() { update-ca-certificates; }
packages_refresh() { apt-get -q update; }
packages_upgrade() { apt-get -q -y full-upgrade; }
packages_install() { apt-get -q -y install "$@"; }
packages_remove() { apt-get -q -y purge "$@"; }
packages_tidy() { [ "$ORPHANS" = kept ] || apt-get -q -y --purge autoremove; }
package_installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
packages_add_repository() { # INDEX NAME URL SUITE COMPONENTS
  key=/usr/share/keyrings/mintmark-$2.gpg
  sources=/etc/apt/sources.list.d/$2.sources
  if [ -e "$sources" ] && ! grep -q '^Signed-By: /usr/share/keyrings/mintmark-' "$sources"; then
    echo "the repository $2 needs another name: the image has $sources already"
    exit 1
  fi
  install -D -m 0644 -o root -g root "/var/tmp/content/keys/$1" "$key"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n' "$3" "$4" "$5" "$key" >"$sources"
  chmod 0644 "$sources"
  echo "deb [signed-by=$key] $(address "$2" "$3") $4 $5" >>/run/mintmark/sources.list
}

say "reading the package lists"
packages_refresh
say "upgrading all packages"
packages_upgrade

# The team's own: first who is trusted, then the repositories, whose addresses may need that trust.
if [ -n "$CERTIFICATES" ] || [ -n "$REPOS" ]; then
  case " $PACKAGES " in *" ca-certificates "*) packages_install ca-certificates ;; esac
fi
if [ -n "$CERTIFICATES" ]; then
  say "trusting the team's certificates"
  while IFS="$tab" read -r index name; do
    install -D -m 0644 -o root -g root "/var/tmp/content/certificates/$index" "$ANCHORS/$name.crt"
  done <<EOT
$CERTIFICATES
EOT
  trust_anchors
fi

if [ -n "$REPOS" ]; then
  while IFS="$tab" read -r index name suite url components; do
    say "adding the repository $name"
    packages_add_repository "$index" "$name" "$url" "$suite" "$components"
  done <<EOT
$REPOS
EOT
  say "reading the team's package lists"
  packages_refresh
fi
if [ -n "$PACKAGES" ]; then
  # shellcheck disable=SC2086 # a list of package names, checked by the schema
  set -- $PACKAGES
  say "installing $# packages"
  packages_install "$@"
fi
if [ -n "$UNWANTED" ]; then
  # Only what is there: removing an unknown name is an error to some.
  present=
  # shellcheck disable=SC2086
  for package in $UNWANTED; do
    if package_installed "$package"; then present="$present $package"; fi
  done
  if [ -n "$present" ]; then
    say "removing$present"
    # shellcheck disable=SC2086
    packages_remove $present
  fi
fi
packages_tidy

say "stamping $IMAGE $MINTMARK_VERSION"
sed -i '/^IMAGE_ID=/d;/^IMAGE_VERSION=/d' /usr/lib/os-release
printf 'IMAGE_ID=%s\nIMAGE_VERSION=%s\n' "$IMAGE" "$MINTMARK_VERSION" >>/usr/lib/os-release
