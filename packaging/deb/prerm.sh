#!/bin/sh
# Before the files go: prerm remove | upgrade NEW | failed-upgrade OLD | deconfigure ...
# An upgrade ends nothing: postinst restarts, so that jobs are down for as short as can be.
set -e

# shellcheck source=packaging/deb/common.sh
. "$(dirname "$0")/common.sh"

if [ "$1" = remove ] && live; then
  if ! runs; then
    :
  elif systemd; then
    deb-systemd-invoke stop pmtr.service >/dev/null
  else
    invoke-rc.d pmtr stop
  fi
  if ! runs; then
    others=$(running)
    [ -z "$others" ] || say "a pmtr that was started by hand keeps running, process $others"
  fi
fi
