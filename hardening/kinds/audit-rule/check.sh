# shellcheck shell=sh disable=SC2016
program='
  # augenrules puts -D first, so it never takes back what is read here.
  # A rule in one spelling, whoever wrote it: fields and system calls sorted, watches without a last slash.
  function normal(text,  word, words, i, j, call, calls, field, fields, hold, list, out) {
    words = split(text, word, " ")
    out = ""
    fields = 0
    calls = 0
    for (i = 1; i <= words; i++) {
      if (word[i] == "-S") {
        list = split(word[++i], call, ",")
        for (j = 1; j <= list; j++) if (call[j] != "all") field[++fields] = "S:" call[j]
      } else if (word[i] == "-k") field[++fields] = "F:key=" word[++i]
      else if (word[i] == "-F") {
        hold = word[++i]
        sub(/=(unset|4294967295)$/, "=-1", hold)
        field[++fields] = "F:" hold
      } else if (word[i] == "-C") {
        # The two sides of a comparison may stand either way round.
        hold = word[++i]
        if (match(hold, /!?=/)) {
          out = substr(hold, RSTART + RLENGTH)
          list = substr(hold, 1, RSTART - 1)
          hold = substr(hold, RSTART, RLENGTH)
          hold = list < out ? list hold out : out hold list
          out = ""
        }
        field[++fields] = "C:" hold
      } else if (word[i] == "-w") {
        hold = word[++i]
        sub(/\/$/, "", hold)
        field[++fields] = "w:" hold
      } else if (word[i] == "-p") {
        hold = word[++i]
        field[++fields] = "p:" (index(hold, "r") ? "r" : "") (index(hold, "w") ? "w" : "") (index(hold, "x") ? "x" : "") (index(hold, "a") ? "a" : "")
      } else if (word[i] == "-a" || word[i] == "-A") {
        hold = word[++i]
        if (hold == "exit,always") hold = "always,exit"
        field[++fields] = "a:" hold
      } else field[++fields] = word[i]
    }
    for (i = 2; i <= fields; i++) {
      hold = field[i]
      for (j = i - 1; j >= 1 && field[j] > hold; j--) field[j + 1] = field[j]
      field[j + 1] = hold
    }
    for (i = 1; i <= fields; i++) out = out (i > 1 && field[i] == field[i - 1] ? "" : " " field[i])
    return out
  }
  function option(text, letter) { return text ~ ("^-" letter " ") ? trim(substr(text, 4)) : "" }
  BEGIN { load() }
  { text = squeeze($0) }
  # Tasks that are never audited are left out of every rule for system calls and files.
  text ~ /^-[aA] (never,task|task,never)( |$)/ { hidden = text }
  text ~ /^-[aAw] / { there[normal(text)] = 1 }
  text ~ /^-[efb] / { set_to[substr(text, 2, 1)] = substr(text, 4) }
  text ~ /^enabled / { set_to["e"] = substr(text, 9) }
  text ~ /^failure / { set_to["f"] = substr(text, 9) }
  text ~ /^backlog_limit / { set_to["b"] = substr(text, 15) }
  END {
    for (i = 1; i <= total; i++) {
      rule = cell[i, 2]
      if (rule ~ /^-[efb] /) {
        letter = substr(rule, 2, 1)
        judge(cell[i, 1], rule, (letter in set_to) ? "-" letter " " set_to[letter] : "-" letter " is not set")
      } else if (hidden != "") emit(cell[i, 1], "fail", rule, hidden " hides it")
      else if (normal(rule) in there) emit(cell[i, 1], "pass", rule, "loaded")
      else emit(cell[i, 1], "fail", rule, "no such rule")
    }
  }'
if [ "$PHASE" = running ]; then
  if ! loaded=$(auditctl -l 2>&1 && auditctl -s 2>&1); then
    every_row error "auditctl: $loaded"
  else
    printf '%s\n' "$loaded" | rows "$program"
  fi
else
  set --
  while IFS= read -r path; do
    [ -z "$path" ] || set -- "$@" "$path"
  done <<EOF
$(config_files .rules /etc/audit/rules.d)
EOF
  state "$ROOT/etc/audit/rules.d"
  if [ "$STATE" = unreadable ]; then
    every_row error '/etc/audit/rules.d can not be read'
  elif readable "$@"; then
    rows "$program" /dev/null "$@"
  else
    every_row error "$UNREADABLE can not be read"
  fi
fi
