# shellcheck shell=sh disable=SC2016
# cracklib-runtime makes the list when it is installed; it is made again when something emptied /var/cache.
if live && [ ! -s /var/cache/cracklib/cracklib_dict.pwd ]; then
  update-cracklib >/dev/null
fi
