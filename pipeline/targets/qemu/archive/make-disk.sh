#!/bin/sh
# A bootstrapped root -> a disk that boots under BIOS, UEFI and UEFI Secure Boot. No mounts, no loop devices; run it
# under fakeroot, so that it needs no root and the files in the image still belong to root.
# usage: make-disk.sh ROOT.tar WORK OUT.qcow2 CODENAME ID SECONDS
#   WORK     an existing folder for some 3 GB of scratch
#   ID       64 hex digits: all UUIDs are derived from it
#   SECONDS  since 1970: the time of all that is written here. The same inputs then give disks that differ in nothing but
#            the change and access times of the files, which no option of mke2fs sets.
set -eu
export LC_ALL=C
tar=$1 work=$2 out=$3 codename=$4 id=$5 seconds=$6
export SOURCE_DATE_EPOCH="$seconds" E2FSPROGS_FAKE_TIME="$seconds"

# Sectors of 512 bytes. Root comes last, so that it can grow.
bios_start=2048 bios_size=2048
esp_start=4096 esp_size=131072
root_start=135168 root_size=$((2250 * 2048))

uuid() {
  printf '%s %s' "$id" "$1" | sha256sum |
    sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-4\3-8\4-\5/'
}
root_uuid=$(uuid root)
esp_id=$(uuid esp | cut -c1-8 | tr a-f A-F)
esp_uuid=$(echo "$esp_id" | sed -E 's/^(....)(....)/\1-\2/')

root=$work/root
mkdir "$root"
tar -C "$root" --numeric-owner --xattrs --xattrs-include='*' --exclude='./dev/*' -xf "$tar"
own=$work/own
mv "$root/.mintmark" "$own"

# --- what makes a bootstrapped root a machine --------------------------------------------------------------------

put() { # put PATH MODE <content
  mkdir -p "$(dirname "$root$1")"
  rm -f "$root$1"
  cat >"$root$1"
  chmod "$2" "$root$1"
}

put /etc/fstab 0644 <<END
UUID=$root_uuid / ext4 rw,discard,errors=remount-ro 0 1
UUID=$esp_uuid /boot/efi vfat umask=0077,nofail 0 0
END
mkdir -p "$root/boot/efi"

# Kernel upgrades run update-grub, which reads this.
put /etc/default/grub 0644 <<'END'
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200 net.ifnames=0"
GRUB_TERMINAL=console
GRUB_DISABLE_OS_PROBER=true
END
# Serves until the first update-grub: that needs the running machine to find its root.
put /boot/grub/grub.cfg 0600 <<END
set timeout=0
insmod part_gpt
insmod ext2
search --no-floppy --fs-uuid --set=root $root_uuid
menuentry "Debian" {
  linux /vmlinuz root=UUID=$root_uuid ro console=tty0 console=ttyS0,115200 net.ifnames=0
  initrd /initrd.img
}
END

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$root$keyring" ] || keyring=${keyring%.gpg}.pgp
[ -e "$root$keyring" ]
rm -f "$root/etc/apt/sources.list"
put /etc/apt/sources.list.d/debian.sources 0644 <<END
Types: deb
URIs: http://deb.debian.org/debian
Suites: $codename $codename-updates
Components: main
Signed-By: $keyring

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: $codename-security
Components: main
Signed-By: $keyring
END

put /etc/cloud/cloud.cfg.d/90-mintmark.cfg 0644 <<'END'
datasource_list: [NoCloud, ConfigDrive, Ec2, None]
system_info: {network: {renderers: [networkd]}}
locale: C.UTF-8
manage_etc_hosts: true
disable_root: true
ssh_genkeytypes: [ed25519, ecdsa]
apt: {preserve_sources_list: true}
END

# Nothing on a server's network needs to find it by a shouted name.
put /etc/systemd/resolved.conf.d/90-mintmark.conf 0644 <<'END'
[Resolve]
LLMNR=no
MulticastDNS=no
END

echo localhost | put /etc/hostname 0644
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' | put /etc/hosts 0644
rm -f "$root/etc/resolv.conf"
ln -s ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
put /etc/machine-id 0444 </dev/null
mkdir -p "$root/var/lib/dbus"
ln -sf /etc/machine-id "$root/var/lib/dbus/machine-id"

# Made by the bootstrap: options that were ours alone, keys that every instance would share, logs, old copies.
mv "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/90-mintmark"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root"/etc/ssh/ssh_host_* "$root/var/lib/systemd/random-seed" \
  "$root"/var/lib/dpkg/*-old "$root"/var/cache/debconf/*-old "$root"/etc/passwd- "$root"/etc/group- \
  "$root"/etc/shadow- "$root"/etc/gshadow- "$root"/etc/subuid- "$root"/etc/subgid-
find "$root/var/log" -type f -delete

find "$root" -newermt "@$seconds" -exec touch -h -d "@$seconds" {} +

# --- file systems ------------------------------------------------------------------------------------------------

# The features are named, because those of a newer host's mke2fs are beyond what the GRUB of Debian 12 can read.
mke2fs -qq -F -t ext4 -b 4096 -I 256 -i 16384 -m 2 -L '' -U "$root_uuid" \
  -O none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum \
  -E "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,hash_seed=$(uuid hash)" \
  -d "$root" "$work/root.ext4" $((root_size / 8))
rm -rf "$root"

esp=$work/esp.img
truncate -s $((esp_size * 512)) "$esp"
mkfs.vfat --invariant -F 32 -s 1 -i "$esp_id" "$esp" >/dev/null
cat >"$own/grub.cfg" <<END
search.fs_uuid $root_uuid root
set prefix=(\$root)'/boot/grub'
configfile \$prefix/grub.cfg
END
touch -d "@$seconds" "$own"/efi/* "$own/grub.cfg"
mmd -i "$esp" ::EFI ::EFI/BOOT ::EFI/debian
mcopy -m -i "$esp" "$own/efi/shimx64.efi" ::EFI/BOOT/BOOTX64.EFI
mcopy -m -i "$esp" "$own/efi/grubx64.efi" ::EFI/BOOT/grubx64.efi
mcopy -m -i "$esp" "$own/grub.cfg" ::EFI/debian/grub.cfg

# --- the disk ----------------------------------------------------------------------------------------------------

disk=$work/disk.raw
truncate -s $(((root_start + root_size + 2048) * 512)) "$disk"
# Partitions stay unnamed: a scanner is known to skip one that is called root.
sfdisk -q "$disk" <<END
label: gpt
label-id: $(uuid disk)
14: start=$bios_start, size=$bios_size, type=21686148-6449-6E6F-744E-656564454649, uuid=$(uuid bios-part)
15: start=$esp_start, size=$esp_size, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=$(uuid esp-part)
1: start=$root_start, size=$root_size, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=$(uuid root-part)
END

# poke FILE OFFSET NUMBER: 8 bytes, little endian
poke() {
  number=$3
  octal=
  for _ in 1 2 3 4 5 6 7 8; do
    octal="$octal$(printf '\\%03o' $((number & 255)))"
    number=$((number >> 8))
  done
  # shellcheck disable=SC2059 # the format is the eight bytes
  printf "$octal" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# What grub-install does for BIOS: the boot sector learns where the core is, the core where its rest is, and the
# boot sector is told not to trust a BIOS that says it was started from a floppy.
boot=$own/bios/boot.img core=$own/bios/core.img
[ "$(stat -c %s "$core")" -le $((bios_size * 512)) ]
poke "$boot" $((0x5c)) "$bios_start"
poke "$core" $((0x1f4)) $((bios_start + 1))
printf '\220\220' | dd of="$boot" bs=1 seek=$((0x66)) conv=notrunc status=none

# write FILE SECTOR
write() { dd if="$1" of="$disk" bs=1M oflag=seek_bytes seek=$(($2 * 512)) conv=notrunc,sparse status=none; }
dd if="$boot" of="$disk" bs=440 count=1 conv=notrunc status=none
write "$core" "$bios_start"
write "$esp" "$esp_start"
write "$work/root.ext4" "$root_start"
rm -f "$work/root.ext4" "$esp"

qemu-img convert -q -O qcow2 "$disk" "$out"
rm -f "$disk"
