# shellcheck shell=sh disable=SC2016
# The stacks as PAM reads them; authselect's links lead out of /etc/pam.d, on a folder below $ROOT.
stacks=''
blocked=''
while IFS=$TAB read -r _ service _; do
  [ -n "$service" ] || continue
  path=$ROOT/etc/pam.d/$service
  if [ -L "$path" ]; then
    link=$(readlink "$path")
    case $link in /*) path=$ROOT$link ;; esac
  fi
  case " $stacks " in *" $service=$path "*) continue ;; esac
  readable "$path" || blocked=$UNREADABLE
  stacks="$stacks $service=$path"
done <<EOT
$ITEMS
EOT
if [ -n "$blocked" ]; then
  every_row error "$blocked can not be read"
else
  STACKS=$stacks rows '
    BEGIN {
      load()
      # The root of a tree may have spaces in its name, so each stack is found by its service.
      for (i = 1; i <= total; i++) {
        service = cell[i, 2]
        if (!(service in first)) { first[service] = i; order[++services] = service }
        wanted[service] = wanted[service] squeeze(cell[i, 3]) "\n"
      }
      for (n = 1; n <= services; n++) {
        service = order[n]
        at = index(ENVIRON["STACKS"] " ", " " service "=")
        path = substr(ENVIRON["STACKS"], at + length(service) + 2)
        if (n < services) path = substr(path, 1, index(path, " " order[n + 1] "=") - 1)
        content = ""
        lines = 0
        while ((got = (getline text < path)) > 0) {
          text = squeeze(text)
          if (text == "" || text ~ /^#/) continue
          lines++
          content = content text "\n"
        }
        close(path)
        expected = service ": our lines"
        if (got < 0) emit(cell[first[service], 1], "fail", expected, service " is not there")
        else if (content == wanted[service]) emit(cell[first[service], 1], "pass", expected, expected)
        else {
          split(content, has, "\n")
          split(wanted[service], want, "\n")
          for (line = 1; has[line] == want[line]; line++);
          emit(cell[first[service], 1], "fail", expected, service " line " line ": " (has[line] == "" ? "none" : has[line]))
        }
      }
    }'
fi
