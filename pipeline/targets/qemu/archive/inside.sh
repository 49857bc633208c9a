#!/bin/sh
# Runs once in the fresh root, before mmdebstrap drops apt's lists: takes out what the host needs to make a disk of it.
# usage: inside.sh ROOT   (mmdebstrap's customize hook; everything for the host is left below ROOT/.mintmark)
set -eu
root=$1
out=$root/.mintmark
mkdir -p "$out/lists" "$out/bios" "$out/efi"

# The very Release files that apt believed, for a second look by the same rules as the first.
cp "$root"/var/lib/apt/lists/*_InRelease "$out/lists/"

# shellcheck disable=SC2016 # dpkg-query's own fields, not ours
chroot "$root" dpkg-query -W -f='${Package}\t${Version}\t${Architecture}\n' | LC_ALL=C sort >"$out/packages.tsv"

# Debian leaves networkd disabled; the others come enabled, and are named so that no preset can change that.
chroot "$root" systemctl -q enable \
  systemd-networkd.service systemd-resolved.service systemd-timesyncd.service ssh.service

# GRUB of the release itself, so that the host needs none. The core looks on partition 1 of the disk that it was
# started from: a second disk made of the same image can't be taken for it.
cp "$root/usr/lib/grub/i386-pc/boot.img" "$out/bios/"
chroot "$root" grub-mkimage -O i386-pc -p '(,gpt1)/boot/grub' -o /.mintmark/bios/core.img biosdisk part_gpt ext2 normal
mkdir -p "$root/boot/grub/i386-pc"
cp "$root"/usr/lib/grub/i386-pc/*.mod "$root"/usr/lib/grub/i386-pc/*.lst "$root/boot/grub/i386-pc/"

# Signed boot: the firmware trusts shim, shim trusts Debian's GRUB, and that trusts Debian's kernel.
cp "$root/usr/lib/shim/shimx64.efi.signed" "$out/efi/shimx64.efi"
cp "$root/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$out/efi/grubx64.efi"
