# shellcheck shell=sh disable=SC2016
# /etc/selinux/config decides at the next boot (control selinux-enforcing); nothing is switched under a running build.
:
