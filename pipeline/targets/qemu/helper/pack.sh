#!/bin/sh
# Packs the few programs and kernel modules that the helper machine needs, out of a root of extracted packages.
# usage: pack.sh ROOT   (mmdebstrap's extract hook; init.sh lies beside it; results are left below ROOT/.mintmark)
set -eu
root=$1
out=$root/.mintmark
tree=$out/tree
mkdir -p "$out/lists" "$tree/usr/bin" "$tree/usr/lib" "$tree/etc/lvm" "$tree/run" "$tree/tmp"
for name in dev mnt proc sys work; do mkdir "$tree/$name"; done
# Relative links: the tools below follow them inside the bigger root.
ln -s usr/bin "$tree/bin"
ln -s usr/bin "$tree/sbin"
ln -s bin "$tree/usr/sbin"
ln -s usr/lib "$tree/lib"
ln -s usr/lib "$tree/lib64"

# The very Release files that apt believed, for a second look by the rules of every base.
cp "$root"/var/lib/apt/lists/*_InRelease "$out/lists/"

# busybox is first: what follows takes the place of its smaller namesakes.
cp "$root/usr/bin/busybox" "$tree/usr/bin/busybox"
chroot "$root" /usr/bin/busybox --list | while read -r name; do
  [ "$name" = busybox ] || ln -s busybox "$tree/usr/bin/$name"
done
programs='usr/bin/dash usr/bin/tar usr/bin/find usr/bin/btrfs usr/sbin/mkfs.btrfs usr/sbin/lvm usr/sbin/dmsetup usr/sbin/blkid
  usr/sbin/e2fsck usr/sbin/mke2fs usr/sbin/xfs_repair usr/sbin/mkfs.xfs'
for program in $programs; do
  rm -f "$tree/usr/bin/${program##*/}"
  cp "$root/$program" "$tree/usr/bin/"
  # The loader lists the libraries, without running the program.
  chroot "$root" /lib64/ld-linux-x86-64.so.2 --list "/$program" | while read -r name arrow path rest; do
    [ "$arrow" = '=>' ] && [ -n "$rest" ] && cp -L "$root$path" "$tree/usr/lib/$name"
    true
  done
done
# The shell is not that of busybox, which would prefer the small namesakes.
ln -sf dash "$tree/usr/bin/sh"
cp -L "$root/usr/lib64/ld-linux-x86-64.so.2" "$tree/usr/lib/"
# Threads load this one only when they end.
cp -L "$root"/usr/lib/x86_64-linux-gnu/libgcc_s.so.1 "$tree/usr/lib/"

# Modules are kept unpacked: the emulated machine would unpack them at each boot.
set -- "$root"/usr/lib/modules/*
release=${1##*/}
chroot "$root" depmod "$release"
for module in virtio_blk qemu_fw_cfg dm-mod dm-snapshot dm-thin-pool dm-mirror dm-raid raid1 raid10 xfs btrfs; do
  chroot "$root" modprobe --show-depends --set-version "$release" "$module"
done >"$out/insmod"
sed -n 's/^insmod \([^ ]*\).*/\1/p' "$out/insmod" | sort -u >"$out/modules"
while read -r path; do
  to=$tree/usr/${path#/}
  to=$tree/usr/lib/${to##*/usr/lib/}
  mkdir -p "${to%/*}"
  case $path in
    *.xz) chroot "$root" /usr/bin/busybox xzcat "$path" >"${to%.xz}" ;;
    *) cp "$root$path" "$to" ;;
  esac
done <"$out/modules"
cp "$root/usr/lib/modules/$release"/modules.builtin "$root/usr/lib/modules/$release"/modules.order \
  "$tree/usr/lib/modules/$release/"
chroot "$root" depmod --basedir /.mintmark/tree "$release"

cp "$(dirname "$0")/init.sh" "$tree/init"
chmod 755 "$tree/init"
cp "$root/boot/vmlinuz-$release" "$out/kernel"
chroot "$root" /usr/bin/busybox sh -c 'cd /.mintmark/tree && find . | cpio -o -H newc' >"$out/initrd"
rm -r "$tree"
