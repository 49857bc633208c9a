# shellcheck shell=sh disable=SC2016
# The kernel's own word: 1 is enforcing.
enforce=/sys/fs/selinux/enforce
if [ ! -e "$enforce" ]; then
  every_row fail 'SELinux is not on in this kernel'
elif [ "$(cat "$enforce")" = 1 ]; then
  every_row pass enforcing
else
  every_row fail permissive
fi
