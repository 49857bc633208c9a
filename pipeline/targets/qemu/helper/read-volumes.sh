#!/bin/sh
# Job of the helper machine: writes all that is in the partitions $WORDS of $DISK to the disk $OUT, as one tar:
#   report      a line for each fact of each volume (a file system: of a partition, or of a logical volume in it)
#   N.names     all that volume N holds: kind, size and path of each, ended by NUL
#   volume-N/   its folders, files and links
#   complete    the last member
# What the disk holds is never trusted to be whole: any complaint of a tool ends the job, with `failed` as the answer.
set -eu
answer=/run/answer
log=/run/log
mkdir -p "$answer"
cd "$answer"

give_up() {
  trap - EXIT
  {
    echo "$1"
    tail -n 12 "$log" | tr -cd '\11\12\40-\176'
  } >failed
  tar --create --file="$OUT" failed
  exit 1
}

# shellcheck disable=SC2154 # set in the trap itself
trap 'code=$?; [ $code -eq 0 ] || give_up "the job ended with exit code $code"' EXIT
: >"$log"
volumes=0

tag() { blkid --probe --match-tag "$2" --output value "$1" || true; }

# What can't be read is not zero.
is_zero() { [ -z "$({ tr -d '\0' <"$1" || echo unreadable; } 2>/dev/null | head -c 1 | od -A n -t x1)" ]; }

# usage: check WHAT DEVICE TYPE   Replays the journal (of the copy that this machine writes to), then proves the structure.
check() {
  case $3 in
    ext[234])
      e2fsck -p -E journal_only "$2" >"$log" 2>&1 || [ $? -eq 1 ] || give_up "$1 has a journal that can not be replayed"
      e2fsck -f -n "$2" >"$log" 2>&1 || give_up "$1 is damaged"
      ;;
    xfs)
      mount -t xfs -o ro,nouuid "$2" /mnt 2>"$log" || give_up "$1 can not be mounted as xfs"
      umount /mnt
      xfs_repair -n "$2" >"$log" 2>&1 || give_up "$1 is damaged"
      ;;
    btrfs)
      mount -t btrfs -o ro "$2" /mnt 2>"$log" || give_up "$1 can not be mounted as btrfs"
      umount /mnt
      btrfs check --readonly "$2" >"$log" 2>&1 || give_up "$1 is damaged"
      ;;
  esac
}

# usage: take WHAT PARTITION DEVICE NAMES   WHAT is for messages; NAMES is what fstab may call it besides its tags.
take() {
  volumes=$((volumes + 1))
  type=$(tag "$3" TYPE)
  {
    echo "volume $volumes"
    echo "partition $2"
    [ -z "$4" ] || echo "names $4"
    blkid --probe --output export "$3" | sed -n 's/^\(TYPE\|UUID\|LABEL\)=/tag &/p'
  } >>report
  case $type in
    ext[234] | xfs | btrfs) ;;
    '')
      is_zero "$3" || give_up "$1 holds something that is no known file system"
      echo 'state empty' >>report
      return
      ;;
    *)
      echo 'state unread' >>report
      return
      ;;
  esac
  check "$1" "$3" "$type"
  options=ro,nodev,nosuid,noexec
  case $type in
    xfs) options=$options,nouuid ;;
    btrfs) options=$options,subvolid=5 ;;
  esac
  at=/run/volumes/volume-$volumes
  mkdir -p "$at"
  mount -t "$type" -o "$options" "$3" "$at" 2>"$log" || give_up "$1 can not be mounted as $type"
  if [ "$type" = btrfs ]; then
    { btrfs subvolume get-default "$at" >default && btrfs subvolume list "$at" >subvolumes; } 2>"$log" ||
      give_up "$1 does not name its subvolumes"
    sed 's/^ID 5 (FS_TREE)$/default /; s/^ID .* path /default /' default >>report
    sed 's/^ID .* path /subvolume /' subvolumes >>report
    rm default subvolumes
  fi
  find "$at" -mindepth 1 -printf '%y %s %P\0' >"$volumes.names" 2>"$log" || give_up "$1 can not be listed whole"
  echo 'state read' >>report
}

lvm_settings() {
  cat >/etc/lvm/lvm.conf <<END
devices { use_devicesfile=0 scan="/dev" filter=[ "a|^${DISK}[0-9]+\$|", "r|.*|" ] }
activation { udev_sync=0 udev_rules=0 monitoring=0 thin_pool_autoextend_threshold=100 }
global { thin_check_executable="" cache_check_executable="" event_activation=0 use_lvmpolld=0 }
backup { backup=0 archive=0 }
END
}

# usage: take_logical PARTITION   All logical volumes of all volume groups; one that lacks a part ends the job.
take_logical() {
  lvm_settings
  lvm vgs --noheadings --separator ' ' --options vg_missing_pv_count,vg_exported,vg_name >groups 2>"$log" ||
    give_up "LVM's volume groups can not be listed"
  while read -r missing exported; do
    group=${exported##* }
    [ "$missing" = 0 ] || give_up "volume group $group lacks $missing of its physical volumes"
    case $exported in
      exported*) give_up "volume group $group is marked as exported" ;;
    esac
  done <groups
  lvm vgchange --activate y --ignoreactivationskip --activationmode complete >"$log" 2>&1 ||
    give_up "LVM's logical volumes can not be activated"
  lvm lvs --noheadings --separator ' ' --options lv_layout,lv_dm_path,vg_name,lv_name,lv_active >logical 2>"$log" ||
    give_up "LVM's logical volumes can not be listed"
  # The last column may be empty, which `read` takes for no column at all.
  while read -r layout path group name active; do
    case $layout in
      *pool*) continue ;; # what a pool holds is in the volumes made of it
    esac
    [ "$active" = active ] || give_up "logical volume $group/$name can not be activated"
    take "logical volume $group/$name" "$1" "$path" "$path /dev/$group/$name"
  done <logical
  rm groups logical
}

: >report
has_lvm=
for number in $WORDS; do
  if [ "$(tag "$DISK$number" TYPE)" = LVM2_member ]; then
    has_lvm=${has_lvm:-$number}
  else
    take "partition $number" "$number" "$DISK$number" ''
  fi
done
[ -z "$has_lvm" ] || take_logical "$has_lvm"

: >complete
# Devices, pipes and sockets hold nothing: they are listed, not copied.
{
  printf 'report\0'
  find . -name '*.names' -printf '%P\0'
} >/run/first
mkdir -p /run/volumes
(cd /run/volumes && find . -mindepth 1 \( -type f -o -type d -o -type l \) -printf '%P\0') >/run/rest
tar --create --file="$OUT" --blocking-factor=2048 --format=posix --numeric-owner --sparse --no-recursion --null \
  --pax-option=delete=atime,delete=ctime,delete=mtime --xattrs --xattrs-include=security.capability \
  --verbatim-files-from --files-from=/run/first --directory=/run/volumes --files-from=/run/rest \
  --directory="$answer" --add-file=complete 2>"$log" || give_up 'the answer could not be written'
[ ! -s "$log" ] || give_up 'the answer could not be written whole'
