# shellcheck shell=sh disable=SC2016
# flatten FILE SHOWN: the lines of a configuration with what it includes in place; !begin and !end mark an included file.
# shellcheck disable=SC2094 # the file is read, and named when it is included again
flatten() (
  state "$1"
  [ "$STATE" != unreadable ] || { printf '%s\t!unreadable\n' "$2"; exit 0; }
  [ "$STATE" = file ] || exit 0
  printf '%s\t!begin\n' "$2"
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line#"${line%%[![:space:]]*}"}
    case $line in
      '' | '#'*) ;;
      [Ii][Nn][Cc][Ll][Uu][Dd][Ee][[:space:]=]*)
        set -f
        # shellcheck disable=SC2086 # the patterns are words
        set -- "$1" "$2" ${line#???????}
        set +f
        file=$1
        shown=$2
        shift 2
        for pattern in "$@"; do
          pattern=${pattern#\"}
          pattern=${pattern%\"}
          case $pattern in
            = | '') continue ;;
            /*) ;;
            *) pattern=/etc/ssh/$pattern ;;
          esac
          IFS=
          # shellcheck disable=SC2086 # the pattern is meant to be expanded
          set -- $ROOT$pattern
          unset IFS
          for path in "$@"; do
            flatten "$path" "${path#"$ROOT"}"
          done
        done
        set -- "$file" "$shown"
        ;;
      *) printf '%s\t%s\n' "$2" "$line" ;;
    esac
  done <"$1"
  printf '%s\t!end\n' "$2"
)

state "$ROOT/etc/ssh/sshd_config.d"
effective=''
failed=''
if [ "$STATE" = unreadable ]; then
  failed='/etc/ssh/sshd_config.d can not be read'
elif [ "$PHASE" = running ]; then
  effective=$(sshd -T 2>&1) || failed="sshd -T: $effective"
fi
if [ -n "$failed" ]; then
  every_row error "$failed"
else
  # The value of all connections, and any Match block that says otherwise for some.
  flatten "$ROOT/etc/ssh/sshd_config" /etc/ssh/sshd_config | EFFECTIVE=$effective rows '
    function keyword(word) {
      word = tolower(word)
      return word == "challengeresponseauthentication" || word == "skeyauthentication" ? "kbdinteractiveauthentication" : word
    }
    function take(text) {
      match(text, /^[A-Za-z0-9]+/)
      key = keyword(substr(text, 1, RLENGTH))
      value = substr(text, RLENGTH + 1)
      sub(/^[ \t]*=?[ \t]*/, "", value)
      gsub(/"/, "", value)
      value = squeeze(value)
    }
    BEGIN {
      load()
      running = ENVIRON["PHASE"] == "running"
      for (i = 1; i <= total; i++) wanted[keyword(cell[i, 2])] = tolower(cell[i, 3])
      lines = split(ENVIRON["EFFECTIVE"], line, "\n")
      for (i = 1; i <= lines; i++) { take(line[i]); if (!(key in set_to)) set_to[key] = value }
    }
    {
      at = index($0, "\t")
      file = substr($0, 1, at - 1)
      text = substr($0, at + 1)
      if (text == "!begin") { depth++; before[depth] = inside; next }
      if (text == "!end") { inside = before[depth]; depth--; next }
      if (text == "!unreadable") { unreadable = file; next }
      take(text)
      if (key == "match") { inside = 1; sub(/^[Aa][Ll][Ll]$/, "all", value); if (value == "all") inside = 0; condition = value; next }
      if (inside) { if ((key in wanted) && tolower(value) != wanted[key]) other[key] = value " in " file " for Match " condition }
      else if (!running && !(key in set_to)) { set_to[key] = value; set_in[key] = file }
    }
    END {
      for (i = 1; i <= total; i++) {
        key = keyword(cell[i, 2])
        expected = cell[i, 2] " " cell[i, 3]
        if (unreadable != "") emit(cell[i, 1], "error", expected, unreadable " can not be read")
        else if (key in other) emit(cell[i, 1], "fail", expected, other[key])
        else if (!(key in set_to)) emit(cell[i, 1], "fail", expected, cell[i, 2] " is not set")
        else emit(cell[i, 1], tolower(set_to[key]) == wanted[key] ? "pass" : "fail", expected, cell[i, 2] " " set_to[key] (running ? "" : " (" set_in[key] ")"))
      }
    }'
fi
