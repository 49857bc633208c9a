# shellcheck shell=sh disable=SC2016,SC2034
# The part of mintmark-check that every kind uses. Above it: the header of quoted assignments; below it: the kinds.
# A kind's check prints `control<TAB>status<TAB>expected<TAB>found`, one line or more for each control, and changes nothing.
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
TAB='	'
ROOT=''
PHASE=running
FORMAT=table

usage() {
  printf 'usage: mintmark-check [--json] [--root DIR]\n' >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --json) FORMAT=json ;;
    --root)
      [ $# -ge 2 ] || usage
      ROOT=$2
      PHASE=sealed
      shift
      ;;
    *) usage ;;
  esac
  shift
done
if [ "$PHASE" = sealed ]; then
  case $ROOT in
    /) ROOT=/. ;;
    /*) ROOT=${ROOT%/} ;;
    *) ROOT=$PWD/${ROOT%/} ;;
  esac
  if [ ! -d "$ROOT/etc" ]; then
    printf 'mintmark-check: %s/etc is not a folder\n' "$ROOT" >&2
    exit 2
  fi
elif [ "$(id -u)" -ne 0 ]; then
  printf 'mintmark-check: reading the effective state needs root: run sudo mintmark-check\n' >&2
  exit 2
fi
export ROOT PHASE

# Functions for the awk programs of the kinds. Rows of ITEMS: cell[row, 1] is the control's id, then the kind's columns.
AWK='
function load(  line, lines, part, parts, i, j) {
  lines = split(ENVIRON["ITEMS"], line, "\n")
  total = 0
  for (i = 1; i <= lines; i++) {
    if (line[i] == "") continue
    total++
    parts = split(line[i], part, "\t")
    for (j = 1; j <= parts; j++) cell[total, j] = part[j]
  }
}
function emit(id, status, expected, found) {
  gsub(/[\t\r\n]/, " ", expected)
  gsub(/[\t\r\n]/, " ", found)
  printf "%s\t%s\t%s\t%s\n", id, status, expected, found
}
function judge(id, expected, found) {
  emit(id, found == expected ? "pass" : "fail", expected, found)
}
function trim(text) {
  sub(/^[ \t]+/, "", text)
  sub(/[ \t\r]+$/, "", text)
  return text
}
function squeeze(text) {
  text = trim(text)
  gsub(/[ \t]+/, " ", text)
  return text
}
'

# rows PROGRAM [FILE...]: awk with the functions above; ITEMS reaches it by the environment, where nothing is expanded.
rows() {
  rows_program=$1
  shift
  ITEMS=$ITEMS awk "$AWK$rows_program" "$@"
}

# every_row STATUS FOUND: the same answer for all rows, when the kind as a whole could not be looked at.
every_row() {
  ITEMS=$ITEMS WHOLE_STATUS=$1 WHOLE_FOUND=$2 awk "$AWK"'
    BEGIN {
      load()
      for (i = 1; i <= total; i++) emit(cell[i, 1], ENVIRON["WHOLE_STATUS"], cell[i, 2], ENVIRON["WHOLE_FOUND"])
    }'
}

# state PATH: sets STATE to file (readable), absent, or unreadable (there, or nobody can tell).
state() {
  if [ -e "$1" ] || [ -L "$1" ]; then
    if [ -r "$1" ]; then STATE='file'; else STATE=unreadable; fi
    return 0
  fi
  state_folder=${1%/*}
  while [ -n "$state_folder" ] && [ ! -e "$state_folder" ]; do state_folder=${state_folder%/*}; done
  if [ -x "${state_folder:-/}" ]; then STATE=absent; else STATE=unreadable; fi
}

# readable PATH...: true when every path that is there can be read; else UNREADABLE names the first that can't.
readable() {
  for readable_path in "$@"; do
    state "$readable_path"
    if [ "$STATE" = unreadable ]; then
      UNREADABLE=${readable_path#"$ROOT"}
      return 1
    fi
  done
}

# config_files SUFFIX FOLDER...: the files that count, in the order they are read: by name; of two with the same name the one
# in the earlier folder; a link to /dev/null hides a name. Paths are printed with $ROOT; a folder itself when it can't be read.
config_files() {
  config_suffix=$1
  shift
  for config_folder in "$@"; do
    config_name=${config_folder##*/}
    if [ -d "$ROOT$config_folder" ] && [ ! -r "$ROOT$config_folder" ]; then
      printf '%s/\t%s\n' "$config_name" "$ROOT$config_folder"
      continue
    fi
    for config_path in "$ROOT$config_folder"/*"$config_suffix"; do
      if [ -L "$config_path" ]; then
        config_link=$(readlink "$config_path")
        case $config_link in
          /dev/null) printf '%s/%s\t%s\n' "$config_name" "${config_path##*/}" "$config_link" ;;
          /*) printf '%s/%s\t%s\n' "$config_name" "${config_path##*/}" "$ROOT$config_link" ;;
          *) printf '%s/%s\t%s\n' "$config_name" "${config_path##*/}" "$config_path" ;;
        esac
      elif [ -e "$config_path" ]; then
        printf '%s/%s\t%s\n' "$config_name" "${config_path##*/}" "$config_path"
      fi
    done
  done | awk -F '\t' '
    seen[$1]++ { next }
    {
      for (i = ++total; i > 1 && name[i - 1] > $1; i--) { name[i] = name[i - 1]; path[i] = path[i - 1] }
      name[i] = $1
      path[i] = $2
    }
    END { for (i = 1; i <= total; i++) print path[i] }'
}

# files_readable: like readable, for the files that the first column of ITEMS names.
files_readable() {
  while IFS=$TAB read -r _ files_path _; do
    [ -z "$files_path" ] || readable "$ROOT$files_path" || return 1
  done <<EOF
$ITEMS
EOF
}

# check_kind NAME FUNCTION: what a broken check did not answer is reported as an error by the report below.
check_kind() {
  set +e
  (
    set -e
    "$2"
  )
  check_code=$?
  set -e
  [ "$check_code" -eq 0 ] || printf '!\t%s\t%s\n' "$1" "$check_code"
}

image_name() {
  image_release=''
  for image_path in "$ROOT/etc/os-release" "$ROOT/usr/lib/os-release"; do
    [ -r "$image_path" ] || continue
    image_release=$(awk -F = '
      $1 == "IMAGE_ID" { id = $2 }
      $1 == "IMAGE_VERSION" { version = $2 }
      END { gsub(/["\047]/, "", id); gsub(/["\047]/, "", version); if (id != "" && version != "") print id "=" version }
    ' "$image_path")
    break
  done
  printf '%s' "${image_release:-$IMAGE}"
}

# Joins the lines of the kinds to one result per control. Exit code: 0 all hold, 1 one failed, 2 one could not be checked.
report() {
  CONTROLS=$CONTROLS PHASE=$PHASE FORMAT=$FORMAT IMAGE_NAME=$(image_name) awk -F '\t' '
    function rank(status) {
      return status == "error" ? 3 : status == "fail" ? 2 : status == "pass" ? 1 : 0
    }
    function quoted(text,  i, out, one) {
      out = ""
      for (i = 1; i <= length(text); i++) {
        one = substr(text, i, 1)
        if (one == "\\" || one == "\"") out = out "\\" one
        else if (one in code) out = out code[one]
        else out = out one
      }
      return "\"" out "\""
    }
    function joined(before, text) {
      if (text == "" || before == text || index("; " before "; ", "; " text "; ") > 0) return before
      return before == "" ? text : before "; " text
    }
    BEGIN {
      for (i = 1; i < 32; i++) code[sprintf("%c", i)] = sprintf("\\u%04x", i)
      code[sprintf("%c", 127)] = "\\u007f"
      lines = split(ENVIRON["CONTROLS"], line, "\n")
      for (i = 1; i <= lines; i++) {
        if (line[i] == "") continue
        split(line[i], part, "\t")
        if (part[2] != "both" && part[2] != ENVIRON["PHASE"]) continue
        order[++total] = part[1]
        kind[part[1]] = part[3]
      }
    }
    $1 == "!" { broken[$2] = $3; next }
    $1 in kind {
      if (!($1 in status) || rank($2) > rank(status[$1])) {
        # What counts is what went wrong, not the parts that hold.
        if (($1 in status) && rank($2) > 1) { expected[$1] = ""; found[$1] = "" }
        status[$1] = $2
      } else if (rank(status[$1]) > 1 && rank($2) < rank(status[$1])) next
      expected[$1] = joined(expected[$1], $3)
      found[$1] = joined(found[$1], $4)
    }
    END {
      json = ENVIRON["FORMAT"] == "json"
      if (json) printf "{\"schema\":1,\"image\":%s,\"phase\":%s,\"results\":[", quoted(ENVIRON["IMAGE_NAME"]), quoted(ENVIRON["PHASE"])
      for (i = 1; i <= total; i++) {
        id = order[i]
        if (!(id in status)) {
          status[id] = "error"
          expected[id] = "an answer"
          found[id] = (kind[id] in broken) ? "the check of " kind[id] " ended with " broken[kind[id]] : "the check of " kind[id] " gave no answer"
        }
        count[status[id]]++
        if (json) {
          printf "%s{\"control\":%s,\"status\":%s,\"expected\":%s,\"found\":%s}", (i > 1 ? "," : ""), quoted(id), quoted(status[id]), quoted(expected[id]), quoted(found[id])
        } else {
          if (i == 1) printf "%-40s %-14s %-34s %s\n", "CONTROL", "STATUS", "EXPECTED", "FOUND"
          printf "%-40s %-14s %-34s %s\n", id, status[id], expected[id], found[id]
        }
      }
      if (json) print "]}"
      else printf "%s %s: %d controls, %d pass, %d fail, %d error, %d not applicable\n", ENVIRON["IMAGE_NAME"], ENVIRON["PHASE"], total, count["pass"], count["fail"], count["error"], count["notapplicable"]
      exit count["error"] > 0 ? 2 : count["fail"] > 0 ? 1 : 0
    }'
}
