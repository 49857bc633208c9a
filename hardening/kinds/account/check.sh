# shellcheck shell=sh disable=SC2016
if readable "$ROOT/etc/passwd" "$ROOT/etc/shadow" "$ROOT/etc/group"; then
  rows '
    function add(list, word) { return list (list == "" ? "" : " ") word }
    function without(list, names,  word, words, i, out) {
      words = split(list, word, " ")
      for (i = 1; i <= words; i++) if (!index("," names ",", "," word[i] ",")) out = add(out, word[i])
      return out
    }
    function verdict(id, expected, bad) { emit(id, bad == "" ? "pass" : "fail", expected, bad == "" ? "none" : bad) }
    BEGIN {
      load()
      root = ENVIRON["ROOT"]
      while ((getline line < (root "/etc/passwd")) > 0) {
        split(line, part, ":")
        name = part[1]
        if (name in uid) twice = add(twice, name)
        uid[name] = part[3]
        if (part[3] == 0 && name != "root") zero = add(zero, name)
        if (part[4] == 0 && name != "root") zero_group = add(zero_group, name)
        if (part[3] in uid_of) shared = add(shared, name "=" uid_of[part[3]])
        uid_of[part[3]] = name
        if (part[2] == "") empty = add(empty, name)
        else if (part[2] != "x") unshadowed = add(unshadowed, name)
        primary[name] = part[4]
        if (part[3] < 1000 && name != "root" && name != "sync" && name != "shutdown" && name != "halt" && part[7] !~ /\/(nologin|false)$/) shells = add(shells, name ":" part[7])
        people++
      }
      while ((getline line < (root "/etc/group")) > 0) {
        split(line, part, ":")
        if (part[1] in group) group_twice = add(group_twice, part[1])
        group[part[1]] = part[3]
        if (part[3] in gid_of) group_shared = add(group_shared, part[1] "=" gid_of[part[3]])
        gid_of[part[3]] = part[1]
        if (part[1] == "shadow" && part[4] != "") shadow = part[4]
      }
      for (name in primary) {
        if (!(primary[name] in gid_of)) no_group = add(no_group, name)
        if (("shadow" in group) && primary[name] == group["shadow"]) shadow = add(shadow, name)
      }
      while ((getline line < (root "/etc/shadow")) > 0) {
        split(line, part, ":")
        shadowed++
        if (part[2] == "") empty = add(empty, part[1])
        if (part[1] == "root") root_field = part[2]
        # A hash makes an account one that ages; "!" and "*" do not.
        if (part[2] ~ /^[^!*]/) {
          if (part[5] == "" || part[5] > 90) aged = add(aged, part[1])
          if (part[2] !~ /^\$(y|gy|6)\$/) weak = add(weak, part[1])
        }
      }
      for (i = 1; i <= total; i++) {
        id = cell[i, 1]
        rule = cell[i, 2]
        if (!people || !shadowed) emit(id, "error", rule, "passwd or shadow is missing")
        else if (rule == "uid-zero") verdict(id, "no other account with uid 0", zero)
        else if (rule ~ /^gid-zero:/) verdict(id, "no other account with group 0", without(zero_group, substr(rule, 10)))
        else if (rule == "no-empty-password") verdict(id, "no account with an empty password", empty)
        else if (rule == "shadowed") verdict(id, "no password in passwd", unshadowed)
        else if (rule == "system-nologin") verdict(id, "no system account with a login shell", shells)
        else if (rule == "root-locked") emit(id, root_field ~ /^[!*]/ ? "pass" : "fail", "root has no password", root_field ~ /^[!*]/ ? "locked" : "has a password")
        else if (rule == "unique-uid") verdict(id, "no uid used twice", shared)
        else if (rule == "unique-gid") verdict(id, "no gid used twice", group_shared)
        else if (rule == "unique-name") verdict(id, "no name used twice", add(twice, group_twice))
        else if (rule == "known-group") verdict(id, "no account whose group is unknown", no_group)
        else if (rule == "shadow-group-empty") verdict(id, "nobody in group shadow", shadow)
        else if (rule == "hashed-ages") verdict(id, "no account with a password older than 90 days allowed", aged)
        else if (rule == "strong-hash") verdict(id, "no password hashed with an old method", weak)
        else emit(id, "error", rule, "unknown rule")
      }
    }'
else
  every_row error "$UNREADABLE can not be read"
fi
