# shellcheck shell=sh disable=SC2016
# Each control of this kind brings its own apply.sh and check.sh in hardening/scripts/<control>/; nothing is shared.
:
