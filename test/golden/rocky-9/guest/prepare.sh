#!/bin/sh
# Upgrades the guest, installs and removes packages, stamps the image's name and version. Runs as root in the build machine.
# shellcheck disable=SC2034 # one package manager does not use what another one needs
IMAGE='rocky-9'
SOURCES=''
KEYRING=''
ORPHANS='kept'
OPTIONS=''
PACKAGES='audit authselect chrony cracklib-dicts kmod less libpwquality logrotate nftables openssh-server pam selinux-policy-targeted sudo vim-minimal'
UNWANTED='avahi cups net-snmp prelink proftpd rpcbind rsh rsh-server talk talk-server telnet telnet-server tftp-server vsftpd xinetd xorg-x11-server-Xorg xorg-x11-server-common ypbind ypserv'
REPOS=''
CERTIFICATES=''
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

# dnf. The image's own repositories, read from this build's addresses: what is on tmpfs is gone with the reboot.
mkdir -p /run/mintmark/repos
for file in /etc/yum.repos.d/*.repo; do
  [ -f "$file" ] || continue
  MIRRORS=$MINTMARK_REPO_MIRRORS awk '
    BEGIN {
      pairs = split(ENVIRON["MIRRORS"], pair, " ")
      for (i = 1; i <= pairs; i++) {
        at = index(pair[i], "=")
        url[substr(pair[i], 1, at - 1)] = substr(pair[i], at + 1)
      }
    }
    /^\[/ { id = $0; gsub(/[][ \t\r]/, "", id); dropping = 0; print; if (id in url) print "baseurl=" url[id]; next }
    (id in url) && /^(baseurl|mirrorlist|metalink)[ \t]*=/ { dropping = 1; next }
    dropping && /^[ \t]/ { next }
    { dropping = 0; print }' "$file" >"/run/mintmark/repos/${file##*/}"
done
export no_proxy=10.0.2.2,169.254.169.254
# Not as an option: the image keeps dnf's whole command lines in its history, and a proxy's address may have a password in it.
[ -z "$MINTMARK_HTTP_PROXY" ] || export http_proxy="$MINTMARK_HTTP_PROXY" https_proxy="$MINTMARK_HTTP_PROXY"

with_dnf() {
  set -- --setopt=reposdir=/run/mintmark/repos --setopt=install_weak_deps=False --setopt=best=True \
    '--setopt=*.gpgcheck=1' '--setopt=*.skip_if_unavailable=0' --setopt=retries=3 "$@"
  [ "$ORPHANS" = removed ] || set -- --setopt=clean_requirements_on_remove=False "$@"
  # shellcheck disable=SC2086 # words of our own table
  dnf -q -y $OPTIONS "$@"
}

ANCHORS=/etc/pki/ca-trust/source/anchors
trust_anchors() { update-ca-trust extract; }
packages_refresh() { with_dnf makecache; }
packages_upgrade() { with_dnf upgrade; }
packages_install() { with_dnf install "$@"; }
packages_remove() { with_dnf remove "$@"; }
packages_tidy() { [ "$ORPHANS" = kept ] || with_dnf autoremove; }
package_installed() { rpm -q --quiet "$1"; }
packages_add_repository() { # INDEX NAME URL
  key=/etc/pki/rpm-gpg/RPM-GPG-KEY-mintmark-$2
  repo=/etc/yum.repos.d/$2.repo
  if [ -e "$repo" ] && ! grep -q '^gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-mintmark-' "$repo"; then
    echo "the repository $2 needs another name: the image has $repo already"
    exit 1
  fi
  install -D -m 0644 -o root -g root "/var/tmp/content/keys/$1" "$key"
  rpm --import "$key"
  for place in "$repo $3" "/run/mintmark/repos/$2.repo $(address "$2" "$3")"; do
    printf '[%s]\nname=%s\nbaseurl=%s\nenabled=1\ngpgcheck=1\ngpgkey=file://%s\n' "$2" "$2" "${place#* }" "$key" >"${place%% *}"
    chmod 0644 "${place%% *}"
  done
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
