#!/bin/sh
# First process of the helper machine: runs the job that the host hands over, and powers off.
# The job finds its words in $WORDS, the disk to look at in $DISK, and writes its answer to the disk $OUT.
PATH=/usr/bin
export PATH
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
mount -t tmpfs none /run
mount -t tmpfs none /tmp
modprobe -a virtio_blk qemu_fw_cfg dm-mod

handed=/sys/firmware/qemu_fw_cfg/by_name/opt/mintmark
WORDS=$(cat $handed/words/raw)
for block in /sys/block/vd*; do
  case $(cat "$block/serial") in
    disk) DISK=/dev/${block##*/} ;;
    out) OUT=/dev/${block##*/} ;;
  esac
done
export WORDS DISK OUT
cat $handed/job/raw >/run/job
cd /work || exit 1
sh /run/job
echo "mintmark: the job ended with exit code $?"
sync
poweroff -f
