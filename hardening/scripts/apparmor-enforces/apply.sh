# shellcheck shell=sh disable=SC2016
# Debian's kernel has AppArmor on; the profiles come with the packages and apparmor.service loads them at boot.
:
