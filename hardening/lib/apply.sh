# shellcheck shell=sh disable=SC2016,SC2034,SC2154
# The part of harden.sh that every kind uses. Above it: the header of quoted assignments; below it: the kinds.
# Nothing is started or loaded: what is written here takes effect at the next boot.
LC_ALL=C
export LC_ALL
umask 022
TAB='	'
NOTE='Written by mintmark; mintmark-check tells what holds. Change the image, not this file.'
ROOT=${ROOT:-}

say() {
  printf 'harden: %s\n' "$*"
}

die() {
  printf 'harden: %s\n' "$*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --root)
      [ $# -ge 2 ] || die 'usage: harden.sh [--root DIR]'
      ROOT=$2
      shift 2
      ;;
    *) die 'usage: harden.sh [--root DIR]' ;;
  esac
done
case $ROOT in
  '' | /) ROOT='' ;;
  /*) ROOT=${ROOT%/} ;;
  *) ROOT=$PWD/${ROOT%/} ;;
esac
[ -d "$ROOT/etc" ] || die "$ROOT/etc is not a folder"

# True on the machine itself, false on a folder tree.
live() {
  [ -z "$ROOT" ]
}

# put PATH MODE: the file holds what stdin says, with that mode. The same content is not written again.
put() {
  put_folder=$ROOT${1%/*}
  [ -d "$put_folder" ] || mkdir -p "$put_folder"
  cat >"$put_folder/.mintmark.$$"
  if [ -f "$ROOT$1" ] && [ ! -L "$ROOT$1" ] && cmp -s "$put_folder/.mintmark.$$" "$ROOT$1"; then
    rm -f "$put_folder/.mintmark.$$"
    chmod "$2" "$ROOT$1"
  else
    chmod "$2" "$put_folder/.mintmark.$$"
    mv -f "$put_folder/.mintmark.$$" "$ROOT$1"
  fi
}

# edit PATH: like put for a file that is there already; its owner and mode stay.
edit() {
  cat >"$ROOT$1.mintmark.$$"
  if [ ! -s "$ROOT$1.mintmark.$$" ] && [ -s "$ROOT$1" ]; then
    rm -f "$ROOT$1.mintmark.$$"
    die "$1 would be emptied"
  fi
  cmp -s "$ROOT$1.mintmark.$$" "$ROOT$1" || cat "$ROOT$1.mintmark.$$" >"$ROOT$1"
  rm -f "$ROOT$1.mintmark.$$"
}

# distinct COLUMN: the values of that column of ITEMS (the control's id is column 1), each once, in order.
distinct() {
  printf '%s\n' "$ITEMS" | awk -F '\t' -v column="$1" '$0 != "" && !seen[$column]++ { print $column }'
}

# A failing kind ends the run; say which one it was.
CURRENT=start
trap 'code=$?; [ "$code" -eq 0 ] || printf "harden: %s ended with %s\n" "$CURRENT" "$code" >&2' EXIT

apply_kind() {
  CURRENT=$1
  ("$2")
  say "$1"
}
