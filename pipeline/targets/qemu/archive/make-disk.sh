#!/bin/sh
# A bootstrapped root -> a disk that boots under BIOS, UEFI and UEFI Secure Boot. No mounts, no loop devices; run it
# under fakeroot, so that it needs no root and the files in the image still belong to root.
# usage: make-disk.sh ROOT.tar WORK OUT.qcow2 CODENAME ID SECONDS LAYOUT
#   WORK     an existing folder for some 3 GB of scratch
#   ID       64 hex digits: all UUIDs are derived from it
#   SECONDS  since 1970: the time of all that is written here. The same inputs then give disks that differ in nothing but
#            the change and access times of the files, which no option of mke2fs sets.
#   LAYOUT   simple: one file system; cis: those that the CIS benchmarks want apart, with their options
set -eu
export LC_ALL=C
tar=$1 work=$2 out=$3 codename=$4 id=$5 seconds=$6 layout=$7
export SOURCE_DATE_EPOCH="$seconds" E2FSPROGS_FAKE_TIME="$seconds"

# Sectors of 512 bytes. Root comes last, so that it can grow.
bios_start=2048 bios_size=2048
esp_start=4096 esp_size=131072
others_start=135168 root_size=$((2250 * 2048))

# NUMBER MOUNT MIB MODE OPTIONS of the file systems beside the root's, in their order on the disk; an outer one stands before
# an inner one. No noexec where programs run from: /var holds those of dpkg.
others=$work/others
case $layout in
  simple) : >"$others" ;;
  cis)
    cat >"$others" <<'END'
2 /home 256 0755 nosuid,nodev
3 /var 2048 0755 nosuid,nodev
4 /var/log 512 0755 nosuid,nodev,noexec
5 /var/log/audit 512 0700 nosuid,nodev,noexec
6 /var/tmp 512 1777 nosuid,nodev,noexec
END
    ;;
  *)
    echo "no such layout: $layout" >&2
    exit 2
    ;;
esac
sort -r "$others" >"$others.inner-first"
each() { # each COMMAND LIST: with the words of each line
  while read -r number mount mib mode options; do
    "$1" "$number" "$mount" "$mib" "$mode" "$options" </dev/null
  done <"$2"
}
root_start=$((others_start + $(awk '{ mib += $3 } END { print mib + 0 }' "$others") * 2048))

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

mount_line() { echo "UUID=$(uuid "$2") $2 ext4 rw,discard,$5 0 2"; }
{
  echo "UUID=$root_uuid / ext4 rw,discard,errors=remount-ro 0 1"
  each mount_line "$others"
  [ "$layout" = simple ] || echo 'tmpfs /tmp tmpfs defaults,mode=1777,size=50%,nosuid,nodev 0 0'
  echo "UUID=$esp_uuid /boot/efi vfat umask=0077,nofail 0 0"
} | put /etc/fstab 0644
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

apart() { # takes what belongs to a file system of its own out of the root's; its mount point stays
  mkdir -p "$root$2"
  mv "$root$2" "$work/tree-$1"
  mkdir -m 0755 "$root$2"
}
each apart "$others.inner-first"

find "$work" -mindepth 1 -newermt "@$seconds" -exec touch -h -d "@$seconds" {} +

# --- file systems ------------------------------------------------------------------------------------------------

# ext4 TREE FILE BLOCKS UUID HASH-SEED
# The features are named, because those of a newer host's mke2fs are beyond what the GRUB of Debian 12 can read.
ext4() {
  mke2fs -qq -F -t ext4 -b 4096 -I 256 -i 16384 -m 2 -L '' -U "$4" \
    -O none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum \
    -E "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,hash_seed=$5" \
    -d "$1" "$2" "$3"
  rm -rf "$1"
}
file_system() {
  ext4 "$work/tree-$1" "$work/$1.ext4" $(($3 * 256)) "$(uuid "$2")" "$(uuid "hash $2")"
  # mke2fs gives every root folder the mode 0755. debugfs ends with 0 whatever happened: what it says beside its banner counts.
  said=$(debugfs -w -R "set_inode_field <2> mode 04$4" "$work/$1.ext4" 2>&1 | sed '/^debugfs [0-9]/d')
  [ -z "$said" ] || { echo "debugfs: $said" >&2; exit 1; }
}
each file_system "$others"
ext4 "$root" "$work/root.ext4" $((root_size / 8)) "$root_uuid" "$(uuid hash)"

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
awk -v start="$others_start" '{ print $1, start, $3 * 2048; start += $3 * 2048 }' "$others" >"$work/places"
{
  echo 'label: gpt'
  echo "label-id: $(uuid disk)"
  echo "14: start=$bios_start, size=$bios_size, type=21686148-6449-6E6F-744E-656564454649, uuid=$(uuid bios-part)"
  echo "15: start=$esp_start, size=$esp_size, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=$(uuid esp-part)"
  while read -r number start size; do
    echo "$number: start=$start, size=$size, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=$(uuid "part $number")"
  done <"$work/places"
  echo "1: start=$root_start, size=$root_size, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=$(uuid root-part)"
} | sfdisk -q "$disk"

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
while read -r number start size; do write "$work/$number.ext4" "$start"; done <"$work/places"
write "$work/root.ext4" "$root_start"
rm -f "$work"/*.ext4 "$esp"

qemu-img convert -q -O qcow2 "$disk" "$out"
rm -f "$disk"
